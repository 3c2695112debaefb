import Glibc

@testable import AsyncCore

// What a program with an event loop of its own does with a loop.

/// Whether poll(2) says now that the descriptor is readable.
func isReadable(_ descriptor: CInt, milliseconds: CInt = 0) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&entry, 1, milliseconds) == 1 && entry.revents & Int16(POLLIN) != 0
}

/// Runs the loop from poll(2) until the condition holds. False if the descriptor was silent for three
/// minutes although something was still to come: what comes may wait for Swift's pool, which all tests
/// share.
func host(_ loop: EventLoop, maxJobs: Int = 1_000, until isOver: () -> Bool) throws -> Bool {
    try loop.runReady(maxJobs: maxJobs)
    while !isOver() {
        guard isReadable(loop.pollableDescriptor, milliseconds: 180_000) else { return false }
        try loop.runReady(maxJobs: maxJobs)
    }
    return true
}

/// Stops the loop and carries it through its end.
func finish(_ loop: EventLoop) throws {
    loop.stop()
    while !loop.isStopped { try loop.runReady() }
}
