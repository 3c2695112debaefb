/// A whole program on one thread: `Task {}`, `Task.sleep`, an actor and `@MainActor` included.
///
/// Without AsyncCore each of them may bring threads of Swift's own pool into the process. Within
/// `EventLoop.runProgram` all of them run on the loop, on the main thread; the program counts the
/// process's threads at each step, as the kernel lists them in /proc/self/task.
///
///     swift run --package-path Examples one-thread

import ArgumentParser
import AsyncCore
import Glibc

@main
struct OneThread: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "one-thread",
        abstract: "Shows that a program under EventLoop.runProgram has one thread.")

    func run() throws {
        // A synchronous main that has started no task yet: what runProgram asks for.
        let mainThread = pthread_self()
        let most = try EventLoop.runProgram { try await program(mainThread) }
        print("threads: \(most)")
        if most != 1 { throw MoreThreadsThanOne(count: most) }
    }
}

/// - Returns: The largest number of threads that was seen.
func program(_ mainThread: pthread_t) async throws -> Int {
    let witness = Witness(mainThread)
    try await witness.look("the body")

    // A plain Swift task, not one of AsyncCore's.
    try await Task { try await witness.look("Task {}") }.value

    try await Task.detached {
        try await Task.sleep(for: .milliseconds(50))
        try await witness.look("Task.sleep in a detached task")
    }.value

    try await Counter().count(to: 1_000, witness)
    try await MainActorScreen.show(witness)

    // A group: elsewhere its children would run in parallel.
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 1...100 {
            group.addTask { try await Task.sleep(for: .milliseconds(10)) }
        }
        try await group.waitForAll()
    }
    try await witness.look("a group of 100 tasks")
    return await witness.most
}

/// An ordinary actor: nothing in it knows AsyncCore.
actor Counter {
    private var value = 0

    func count(to end: Int, _ witness: Witness) async throws {
        while value < end {
            value += 1
            await Task.yield()
        }
        try await witness.look("an actor that counted to \(value)")
    }
}

@MainActor
enum MainActorScreen {
    static func show(_ witness: Witness) async throws {
        MainActor.preconditionIsolated()
        try await witness.look("@MainActor")
    }
}

/// Counts the process's threads, and remembers the largest number. An actor, too.
actor Witness {
    private let mainThread: pthread_t
    private(set) var most = 0

    init(_ mainThread: pthread_t) { self.mainThread = mainThread }

    func look(_ place: String) throws {
        let count = try countThreads()
        most = max(most, count)
        let thread = pthread_self() == mainThread ? "the main thread" : "another thread"
        print("\(place): on \(thread), of \(count)")
    }
}

/// How many threads the process has now.
func countThreads() throws -> Int {
    guard let folder = opendir("/proc/self/task") else { throw NoThreadList() }
    defer { closedir(folder) }
    var count = 0
    while let entry = readdir(folder) {
        // All but "." and ".." are threads.
        if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
    }
    return count
}

struct MoreThreadsThanOne: Error, CustomStringConvertible {
    let count: Int
    var description: String { "there were \(count) threads" }
}

struct NoThreadList: Error, CustomStringConvertible {
    var description: String { "cannot read /proc/self/task" }
}
