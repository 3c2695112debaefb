// Tasks of a loop.

extension EventLoop {
    /// Starts a task on this loop, from anywhere.
    ///
    /// The task and everything that it awaits run on the loop; it begins in one of the next turns.
    /// It inherits the caller's task-local values and priority, and not its cancellation. On a loop
    /// that is ending, the task starts cancelled, and the loop's operations in it fail.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the task does.
    /// - Returns: A handle to await, or to cancel, the task.
    @discardableResult
    public func spawn<Success: Sendable>(
        name: String? = nil, _ operation: sending @escaping () async throws -> Success
    ) -> TaskHandle<Success, any Error> {
        core.spawn(name: name, operation)
    }

    /// Starts a task that cannot fail on this loop, from anywhere.
    ///
    /// See the form that can fail.
    ///
    /// - Parameters:
    ///   - name: For diagnosis.
    ///   - operation: What the task does.
    /// - Returns: A handle to await, or to cancel, the task.
    @discardableResult
    public func spawn<Success: Sendable>(
        name: String? = nil, _ operation: sending @escaping () async -> Success
    ) -> TaskHandle<Success, Never> {
        core.spawn(name: name, operation)
    }
}

extension LoopCore {
    @inlinable
    func spawn<Success: Sendable>(
        name: String?, isScoped: Bool = false,
        _ operation: sending @escaping () async throws -> Success
    ) -> TaskHandle<Success, any Error> {
        TaskHandle(begin(name, isScoped, operation))
    }

    @inlinable
    func spawn<Success: Sendable>(
        name: String?, isScoped: Bool = false,
        _ operation: sending @escaping () async -> Success
    ) -> TaskHandle<Success, Never> {
        TaskHandle(begin(name, isScoped, operation))
    }

    @inlinable
    func begin<Success: Sendable>(
        _ name: String?, _ isScoped: Bool, _ operation: sending @escaping () async throws -> Success
    ) -> SpawnedTask<Success> {
        let captured = Memory.address(ofWhatIsCapturedBy: operation)
        let task =
            if isDebugging {
                SpawnedTask(core: self, name: name, isScoped: isScoped) {
                    try await self.watchingTask(named: name, operation)
                }
            } else {
                SpawnedTask(core: self, name: name, isScoped: isScoped, operation)
            }
        begin(task, captured)
        return task
    }
}
