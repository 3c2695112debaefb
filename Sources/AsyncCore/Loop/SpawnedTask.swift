// A spawned task with its operation and its value.

/// A task whose operation returns a `Success`.
@usableFromInline
final class SpawnedTask<Success: Sendable>: TaskRecord, @unchecked Sendable {
    // SAFETY: `stage` is the spawner's until the task begins, then the task's until it is finished
    // (release); afterwards it does not change (acquire).
    @exclusivity(unchecked) @usableFromInline var stage: SpawnedTaskStage<Success>

    /// The spawner, where the type of the value is known, also knows the code to run: an override would be
    /// one for all types, and look up what it must know of them each time.
    @inlinable
    init(
        core: LoopCore, name: String?, isScoped: Bool,
        _ operation: sending @escaping () async throws -> Success
    ) {
        unsafe stage = .spawned(operation)
        super.init(core: core, name: name, isScoped: isScoped) { record in
            // SAFETY: a record is given its own body.
            await unsafe unsafeDowncast(record, to: SpawnedTask<Success>.self).run()
        }
    }

    @inlinable @inline(__always)
    nonisolated(nonsending) func run() async {
        start()
        do {
            // What the operation holds is gone when the task has ended.
            let operation = takeOperation()
            unsafe stage = .ended(try await callDirectly(operation))
        } catch {
            return finish(error)
        }
        finish(nil)
    }

    @inlinable @inline(__always)
    func takeOperation() -> () async throws -> Success {
        guard case .spawned(let operation) = unsafe stage else { usedTwice() }
        unsafe stage = .begun
        return operation
    }

    @usableFromInline
    func usedTwice() -> Never { preconditionFailure("a task runs its operation twice") }

    @usableFromInline
    func askedTooEarly() -> Never {
        preconditionFailure("a task is asked for its value too early")
    }

    /// The value of a task that has ended.
    @inlinable
    var value: Success {
        get throws {
            if case .ended(let value) = unsafe stage { return value }
            if let error { throw error }
            askedTooEarly()
        }
    }

    /// The value of a task that has ended, and cannot have failed.
    @inlinable
    var valueOfInfallible: Success {
        guard case .ended(let value) = unsafe stage else { askedTooEarly() }
        return value
    }
}

/// What there is of a spawned task: first its operation, and then its value, if it has one.
@usableFromInline
enum SpawnedTaskStage<Success> {
    case spawned(() async throws -> Success)
    case begun
    case ended(Success)
}
