import AsyncCoreTesting

@testable import AsyncCore

extension VirtualTime.Options {
    /// Spawned tasks run one after the other in the same tasks of the runtime, as they do in programs that
    /// bind no task-local values.
    static var sharingTasks: Self {
        var options = Self()
        options.loop.dropsTaskLocalValues = true
        return options
    }
}
