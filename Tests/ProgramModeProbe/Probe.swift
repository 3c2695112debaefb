import AsyncCore
import Glibc

/// What the program does, by the name it is given. Prints its findings, one `name=value` a line.
enum Probe {
    static func run(_ what: String) {
        // A hang is a finding, too: it ends the program by a signal.
        alarm(30)
        precondition(isMainThread)
        switch what {
        case "tour": tour()
        case "async": runFromAsyncCode()
        case "late": runLate()
        case "other-thread": runOnAnotherThread()
        case "twice": runTwice()
        case "value": value()
        case "few-descriptors": Descriptors.useUp()
        case "many-loops": Descriptors.useManyLoops()
        default: print("unknown=\(what)")
        }
    }

    static func say(_ name: String, _ value: some Any) {
        print("\(name)=\(value)")
        fflush(nil)
    }

    /// Runs `body`, and says how it ended.
    static func attempt(_ name: String, _ body: () throws -> some Any) {
        do { say(name, try body()) } catch { say(name, "error: \(error)") }
    }

    /// The threads of this process, as the kernel counts them.
    static func threadCount() -> Int {
        guard let directory = opendir("/proc/self/task") else { return -1 }
        defer { closedir(directory) }
        var count = 0
        while let entry = readdir(directory) {
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return count
    }

    private static let mainThread = pthread_self()

    static var isMainThread: Bool { pthread_equal(pthread_self(), mainThread) != 0 }

    private static func look(_ name: String) { say(name, "\(threadCount()) \(isMainThread)") }

    private static func tour() {
        look("start")
        attempt("result") {
            try EventLoop.runProgram {
                look("body")
                await Task { look("task") }.value
                await Task.detached { look("detached") }.value
                try await Task.sleep(for: .milliseconds(1))
                look("sleep")
                try await Task.sleep(nanoseconds: 1_000_000)
                look("sleep in nanoseconds")
                try await Task.detached { try await Task.sleep(for: .milliseconds(1)) }.value
                look("detached sleep")
                await Resident().visit()
                await show()
                async let child: Void = Task.sleep(for: .milliseconds(1))
                try await child
                look("async let")
                await withTaskGroup(of: Void.self) { group in
                    for _ in 1...100 { group.addTask { await Task.yield() } }
                }
                look("group")
                await MainActor.run {
                    MainActor.assertIsolated()
                    look("assertIsolated")
                }
                return "done"
            }
        }
        look("after")
    }

    private actor Resident {
        func visit() { Probe.look("actor") }
    }

    @MainActor private static func show() { look("main actor") }

    private static func value() {
        attempt("value") { try EventLoop.runProgram { 42 } }
        attempt("next run") { try EventLoop.run { 43 } }
    }

    private static func runTwice() {
        attempt("first") { try EventLoop.runProgram { 1 } }
        attempt("second") { try EventLoop.runProgram { 2 } }
    }

    private static func runFromAsyncCode() {
        let done = PipeGate()
        Task {
            attempt("async") { try EventLoop.runProgram { 1 } }
            done.open()
        }
        done.wait()
    }

    private static func runLate() {
        let done = PipeGate()
        Task { done.open() }
        done.wait()
        attempt("late") {
            try EventLoop.runProgram {
                // If it was not refused, it must do what it promises.
                await Task { say("task", isMainThread) }.value
                try await Task.detached {
                    try await Task.sleep(for: .milliseconds(1))
                    say("detached", isMainThread)
                }.value
                await MainActor.run { say("main actor", isMainThread) }
                return "works"
            }
        }
    }

    private static func runOnAnotherThread() {
        var thread = pthread_t()
        pthread_create(&thread, nil, threadMain, nil)
        pthread_join(thread, nil)
    }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Probe.attempt("other thread") { try EventLoop.runProgram { 1 } }
    return nil
}

/// Holds a thread until another one lets it go.
final class PipeGate: Sendable {
    // A pipe: its two ends are all there is, and both are immutable.
    private let ends: (reader: CInt, writer: CInt)

    init() {
        var ends: [CInt] = [0, 0]
        precondition(pipe(&ends) == 0)
        self.ends = (ends[0], ends[1])
    }

    func open() {
        var byte: UInt8 = 1
        precondition(write(ends.writer, &byte, 1) == 1)
    }

    func wait() {
        var byte: UInt8 = 0
        precondition(read(ends.reader, &byte, 1) == 1)
    }
}
