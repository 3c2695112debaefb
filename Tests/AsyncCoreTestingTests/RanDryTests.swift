import AsyncCoreTestSupport
import Testing

@testable import AsyncCore
@testable import AsyncCoreTesting

/// A run whose tasks wait for what cannot come.
@Suite(.watched)
struct RanDryTests {
    /// Does not wait long for other threads, of which these tests have none.
    static var impatient: VirtualTime.Options {
        var options = VirtualTime.Options()
        options.patience = .milliseconds(1)
        return options
    }

    /// The error of a run that is to run dry.
    static func ranDry(
        _ options: VirtualTime.Options = impatient,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws -> RanDry {
        do {
            try await withVirtualTime(options, body)
        } catch let error as RanDry {
            return error
        }
        Issue.record("the run did not run dry")
        throw Failure()
    }

    struct Failure: Error {}

    @Test func `a run that cannot go on says who waits for what since when, and ends`()
        async throws
    {
        let ended = Recorder<String>()
        let error = try await Self.ranDry {
            let semaphore = try AsyncSemaphore(0)
            defer { ended.append("main") }
            spawn(name: "worker") {
                defer { ended.append("worker") }
                try await sleep(for: .seconds(5))
                try await semaphore.acquire()
            }
            try await semaphore.acquire()
        }
        #expect(
            error.waits == [
                .init(task: "main", what: "AsyncSemaphore.acquire", since: .zero),
                .init(task: "worker", what: "AsyncSemaphore.acquire", since: .seconds(5)),
            ])
        #expect(error.time == .seconds(5))
        #expect(Set(ended.elements) == ["main", "worker"])
    }
}
