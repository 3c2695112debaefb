// Running a loop on the calling thread, or on a thread of its own.

extension EventLoop {
    /// Runs an async body on a loop of its own on the calling thread, and returns its value:
    /// asyncio's `run`.
    ///
    /// When the body ends, tasks that were spawned and still run are cancelled and awaited, and the
    /// loop ends; no spawned task outlives the call. Errors that nobody looked at are reported
    /// through ``Configuration/onUnhandledError``.
    ///
    /// ## Cancellation
    /// Ctrl-C (see ``Configuration/interruptSignals``) cancels the body; a second one ends the
    /// process.
    ///
    /// - Parameters:
    ///   - configuration: How to set the loop up.
    ///   - body: Runs on the loop, with everything that it awaits, spawns or groups.
    /// - Returns: The body's value.
    /// - Throws: The body's error; ``EventLoopError/alreadyRunning`` inside a running loop;
    ///   ``EventLoopError/interrupted(_:)`` when a signal ended the body; ``IOError`` when there
    ///   are too few descriptors.
    public static func run<R: Sendable>(
        configuration: Configuration = .init(),
        _ body: sending @escaping () async throws -> R
    ) throws -> R {
        if LoopCore.current != nil { throw EventLoopError.alreadyRunning }
        return try EventLoop(configuration: configuration).runMain(body)
    }

    /// Starts a loop on a thread of its own.
    ///
    /// It runs until ``stop()``, ``shutdown()`` or ``shutdownAndWait()``, whether the returned
    /// object is held or not.
    ///
    /// - Parameters:
    ///   - name: The thread's name, as debuggers show it; the kernel keeps 15 bytes.
    ///   - configuration: How to set the loop up. Signals are left alone.
    /// - Returns: The loop, which runs already.
    /// - Throws: ``IOError`` when there are too few descriptors, or threads.
    public static func start(
        name: String = "asynccore", configuration: Configuration = .init()
    ) throws -> EventLoop {
        var configuration = configuration
        configuration.name = name
        let loop = try EventLoop(configuration: configuration)
        do throws(SystemError) {
            try CurrentThread.start(name: name) { loop.runUntilStopped() }
        } catch {
            throw IOError(error, operation: "start a thread for an event loop")
        }
        return loop
    }

    /// Runs `body` on this loop, from anywhere, and returns its value.
    ///
    /// ## Cancellation
    /// Cancels the body, and waits for it.
    ///
    /// - Throws: The body's error.
    public nonisolated(nonsending) func run<R: Sendable>(
        _ body: sending @escaping () async throws -> R
    ) async throws -> R {
        let handle = spawn(body)
        return try await LoopCore.waiting(for: core) {
            try await withTaskCancellationHandler {
                try await handle.value
            } onCancel: {
                handle.cancel()
            }
        }
    }

    /// Runs the body on the calling thread, then ends the loop.
    package func runMain<R: Sendable>(_ body: sending @escaping () async throws -> R) throws -> R {
        let main = MainBody<R>(core: core)
        let task = main.start(body, on: loopTaskExecutor)
        core.simulation?.main = task
        let interrupts = Interrupts(
            signals: core.configuration.interruptSignals, poller: core.poller)
        defer { interrupts.close() }

        runLoop {
            if let signal = interrupts.take() {
                // A body that was being cancelled already ends in that cancellation.
                if !task.isCancelled { main.interruption = signal }
                task.cancel()
            }
        }
        if let failure = core.simulation?.failure { throw failure }
        return try main.result()
    }

    /// Runs turns on the calling thread until the loop has parked.
    private func runLoop(betweenTurns: () -> Void) {
        core.own {
            core.hostParking {
                while !core.stepShutdown() {
                    core.turn(mayWait: core.mayWait, maxJobs: .max)
                    betweenTurns()
                }
            }
        }
        ending.set()
    }

    private func runUntilStopped() { runLoop {} }
}

/// The main body of a run, and how it ended.
///
/// Loop thread only.
private final class MainBody<R: Sendable>: @unchecked Sendable {
    // SAFETY: made before the loop runs; then touched by the loop's thread alone, in the task and
    // between turns.
    private let core: LoopCore
    private var outcome: Result<R, any Error>?
    var interruption: Signal?

    init(core: LoopCore) { self.core = core }

    func start(
        _ body: sending @escaping () async throws -> R, on executor: LoopTaskExecutor
    ) -> Task<Void, Never> {
        Task(name: "main", executorPreference: executor) {
            self.core.mainTask = .current
            do {
                self.outcome = .success(try await self.run(body))
            } catch {
                self.outcome = .failure(error)
            }
            self.core.mainTask = nil
            self.core.requestStop()
        }
    }

    private nonisolated(nonsending) func run(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        if core.debug == nil { return try await core.withStandingHandler(body) }
        return try await core.watchingTask(named: "main") {
            try await core.withStandingHandler(body)
        }
    }

    func result() throws -> R {
        guard let outcome else { preconditionFailure("the loop ended before its main body") }
        if case .failure(let error) = outcome, error is CancellationError,
            let signal = interruption
        {
            throw EventLoopError.interrupted(signal)
        }
        return try outcome.get()
    }
}

/// The signals that end a run.
private struct Interrupts {
    let opened: [Signal]
    let poller: Poller

    init(signals: [Signal], poller: Poller) {
        self.poller = poller
        opened = signals.filter { poller.openInterrupt($0.number) }
    }

    /// A signal that came since the last look.
    func take() -> Signal? { opened.first { poller.takeInterrupt($0.number) } }

    func close() {
        for signal in opened { poller.closeInterrupt(signal.number) }
    }
}
