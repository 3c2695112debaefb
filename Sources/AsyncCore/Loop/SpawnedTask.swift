// A spawned task with its operation and its value.

/// A task whose operation returns a `Success`.
@usableFromInline
final class SpawnedTask<Success: Sendable>: TaskRecord, @unchecked Sendable {
    // SAFETY: `stage` and `content` are the spawner's until the task begins, then the task's until it is
    // finished (release); afterwards they do not change (acquire).

    @usableFromInline typealias Operation = () async throws -> Success

    /// The spawner, where the type of the value is known, also knows the code to run: an override would be
    /// one for all types, and look up what it must know of them each time.
    @inlinable
    init(
        core: LoopCore, name: String?, isScoped: Bool, _ operation: sending @escaping Operation
    ) {
        super.init(core: core, name: name, isScoped: isScoped) { record in
            // SAFETY: a record is given its own body.
            await unsafe unsafeDowncast(record, to: SpawnedTask<Success>.self).run()
        }
        unsafe content.put(operation)
    }

    deinit {
        switch unsafe stage {
        case .spawned: unsafe content.destroy(as: Operation.self)
        case .begun: break
        case .ended:
            // Most values have no memory of their own, and are in the slot: nothing to ask their type for.
            if !_isPOD(Success.self) || !ValueSlot.holds(Success.self) {
                unsafe content.destroy(as: Success.self)
            }
        }
    }

    @inlinable @inline(__always)
    nonisolated(nonsending) func run() async {
        start()
        do {
            // What the operation holds is gone when the task has ended.
            let operation = takeOperation()
            unsafe content.put(try await callDirectly(operation))
            unsafe stage = .ended
        } catch {
            return finish(error)
        }
        finish(nil)
    }

    @inlinable @inline(__always)
    func takeOperation() -> Operation {
        if unsafe stage != .spawned { usedTwice() }
        unsafe stage = .begun
        return unsafe content.take(as: Operation.self)
    }

    @usableFromInline
    func usedTwice() -> Never { preconditionFailure("a task runs its operation twice") }

    @usableFromInline
    func askedTooEarly() -> Never {
        preconditionFailure("a task is asked for its value too early")
    }

    // Both are functions of their own: inlined, the value's first reference would be counted as late as it
    // suits the caller, who may have let go of the task by then, which holds the value.

    /// The value of a task that has ended.
    @inlinable
    var value: Success {
        @inline(never) get throws {
            if unsafe stage == .ended { return unsafe content.value(as: Success.self) }
            if let error { throw error }
            askedTooEarly()
        }
    }

    /// The value of a task that has ended, and cannot have failed.
    @inlinable
    var valueOfInfallible: Success {
        @inline(never) get {
            if unsafe stage != .ended { askedTooEarly() }
            return unsafe content.value(as: Success.self)
        }
    }
}

/// What a record of a spawned task contains: first its operation, and then its value, if it has one.
@usableFromInline
enum SpawnedTaskStage {
    case spawned
    case begun
    case ended
}
