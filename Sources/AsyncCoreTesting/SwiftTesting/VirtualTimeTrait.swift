// Tests of Swift Testing that run on virtual time as a whole.

#if canImport(Testing)
    public import Testing

    /// Runs each test of a suite, or one test, on virtual time: `@Test(.virtualTime)`,
    /// `@Suite(.seeds(1_000))`.
    ///
    /// Tests that are isolated to an actor of their own, the main actor for instance, run there, and
    /// not on the loop: use ``withVirtualTime(_:_:)`` in them.
    public struct VirtualTimeTrait: TestTrait, SuiteTrait, TestScoping {
        private let options: VirtualTime.Options
        private let seeds: Int?

        init(options: VirtualTime.Options, seeds: Int?) {
            self.options = options
            self.seeds = seeds
        }

        /// A suite hands the trait to its tests.
        public var isRecursive: Bool { true }

        /// Runs a test on a loop on virtual time, once or under each seed.
        ///
        /// Called by Swift Testing.
        public func provideScope(
            for test: Test, testCase: Test.Case?,
            performing function: @concurrent @Sendable () async throws -> Void
        ) async throws {
            guard testCase != nil else { return try await function() }
            // The run waits for the function to end, on another thread.
            try await withoutActuallyEscaping(function) { function in
                if let seeds {
                    try await withSeeds(seeds, options: options) { _ in try await function() }
                } else {
                    try await withVirtualTime(options) { try await function() }
                }
            }
        }
    }

    extension Trait where Self == VirtualTimeTrait {
        /// Runs the test on a loop on virtual time, as ``withVirtualTime(_:_:)`` does.
        public static var virtualTime: Self { .virtualTime(.init()) }

        /// Runs the test on a loop on virtual time, as ``withVirtualTime(_:_:)`` does.
        public static func virtualTime(_ options: VirtualTime.Options) -> Self {
            VirtualTimeTrait(options: options, seeds: nil)
        }

        /// Runs the test under many seeds, each time on a new loop on virtual time, and stops at the
        /// first that fails, as ``withSeeds(_:options:_:)`` does.
        ///
        /// The test finds its seed in ``VirtualTime/seed``.
        ///
        /// - Parameters:
        ///   - count: How many seeds.
        ///   - options: How each run is set up; its seed is not used.
        /// - Returns: The trait.
        public static func seeds(_ count: Int = 1_000, options: VirtualTime.Options = .init())
            -> Self
        {
            VirtualTimeTrait(options: options, seeds: count)
        }
    }
#endif
