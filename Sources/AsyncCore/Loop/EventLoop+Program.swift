// Whole-program mode: everything on one thread.
internal import Synchronization

extension EventLoop {
    /// Runs an async body as the whole program: one thread, on which everything runs.
    ///
    /// To be called once, on the main thread, from a synchronous `main`, before any task exists.
    /// From then on `Task {}`, `Task.detached`, `Task.sleep`, actors and `@MainActor` all run on
    /// this loop, and `@MainActor` is the real main thread. In other respects it is
    /// ``run(configuration:_:)``.
    ///
    /// It stands on parts of Swift 6.3 that are not promised; it checks at run time that they work,
    /// and throws otherwise.
    ///
    /// - Parameters:
    ///   - configuration: How to set the loop up.
    ///   - body: The program.
    /// - Returns: The body's value.
    /// - Throws: What ``run(configuration:_:)`` throws;
    ///   ``EventLoopError/programModeUnavailable(_:)`` with the reason.
    public static func runProgram<R: Sendable>(
        configuration: Configuration = .init(),
        _ body: sending @escaping () async throws -> R
    ) throws -> R {
        if LoopCore.current != nil { throw EventLoopError.alreadyRunning }
        if TaskIdentity.current != nil {
            throw EventLoopError.programModeUnavailable(.calledFromAsyncCode)
        }
        guard CurrentThread.isMain else {
            throw EventLoopError.programModeUnavailable(.notOnMainThread)
        }
        if CurrentThread.hasPoolThreads {
            throw EventLoopError.programModeUnavailable(.tooLate)
        }
        let loop = try EventLoop(configuration: configuration)
        try ProgramExecutors.install(loop)
        return try loop.runMain(body)
    }
}
