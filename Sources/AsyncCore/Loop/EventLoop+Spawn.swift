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
        let record = TaskRecord(core: self, name: name, isScoped: isScoped)
        if record.isDebugging {
            return start(record) { try await record.watch(operation) }
        }
        return start(record, operation)
    }

    @inlinable
    func spawn<Success: Sendable>(
        name: String?, isScoped: Bool = false,
        _ operation: sending @escaping () async -> Success
    ) -> TaskHandle<Success, Never> {
        let record = TaskRecord(core: self, name: name, isScoped: isScoped)
        if record.isDebugging {
            return start(record) { await record.watch(operation) }
        }
        return start(record, operation)
    }

    @inlinable
    func start<Success: Sendable>(
        _ record: TaskRecord, _ operation: sending @escaping () async throws -> Success
    ) -> TaskHandle<Success, any Error> {
        let task = Task(name: record.name, executorPreference: preferredExecutor) {
            record.start()
            do {
                let value = try await operation()
                record.finish(nil)
                return value
            } catch {
                record.finish(error)
                throw error
            }
        }
        return TaskHandle(task: task, record: record)
    }

    @inlinable
    func start<Success: Sendable>(
        _ record: TaskRecord, _ operation: sending @escaping () async -> Success
    ) -> TaskHandle<Success, Never> {
        // As one that can fail, since that needs no thunk around its closure.
        let task = Task<Success, any Error>(
            name: record.name, executorPreference: preferredExecutor
        ) {
            record.start()
            let value = await operation()
            record.finish(nil)
            return value
        }
        return TaskHandle(task: .init(neverFailing: task), record: record)
    }
}
