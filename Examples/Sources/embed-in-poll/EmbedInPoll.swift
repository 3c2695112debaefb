/// AsyncCore inside a program that has an event loop already: here poll(2), elsewhere that of a toolkit.
///
/// The host's loop waits for standard input, for a timer of its own, and for the one descriptor that
/// stands for all of AsyncCore. Its lines of input go through an echo server and come back; a task
/// ticks meanwhile. All of it is on one thread, and neither loop ever blocks the other.
///
///     swift run --package-path Examples embed-in-poll --seconds 3
///
/// Type some lines. It ends after the given time, or at the end of the input (Ctrl-D).

import ArgumentParser
import AsyncCore
import Glibc

@main
struct EmbedInPoll: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed-in-poll",
        abstract: "Runs AsyncCore from a program's own poll(2) loop.")

    @Option(help: "How long to run, unless the input ends before.")
    var seconds = 3

    func validate() throws {
        guard (1...3_600).contains(seconds) else {
            throw ValidationError("--seconds must be from 1 to 3600")
        }
    }

    func run() throws {
        let loop = try EventLoop()
        let failures = Failures()
        let work = try Work(loop, failures)
        var timer = HostTimer()

        // The host's loop. A descriptor below 0 is one that poll passes over.
        var input: Int32 = STDIN_FILENO
        try loop.runReady()  // Once at the start; from then on whenever the descriptor is readable.
        while !loop.isStopped {
            let ready = try waitForAny(
                input, loop.pollableDescriptor, milliseconds: timer.milliseconds)
            if ready[0] {
                if let text = readInput() {
                    for line in text.split(separator: "\n") { work.echo(String(line)) }
                } else {
                    print("host: the input has ended")
                    input = -1
                    work.finish()
                }
            }
            if timer.goesOff() {
                print("host: \(timer.beats) s")
                if timer.beats >= seconds { loop.stop() }
            }
            // 100 steps of tasks at most, so that the host's own events need not wait for long. If there is
            // more to do, the descriptor stays readable. After stop() these calls bring the loop to its end.
            if ready[1] { try loop.runReady(maxJobs: 100) }
        }
        print("host: the loop has stopped")
        if let error = failures.first { throw error }
    }
}

/// What AsyncCore does in this program. Its methods are called by the host, between runs of the loop.
final class Work {
    private let loop: EventLoop
    private let failures: Failures
    private let server: TaskHandle<TCPListener, any Error>
    private let oneAtATime: AsyncSemaphore

    init(_ loop: EventLoop, _ failures: Failures) throws {
        self.loop = loop
        self.failures = failures
        oneAtATime = try AsyncSemaphore(1)
        server = loop.spawn(name: "server") {
            let listener = try TCPListener.bind(to: .loopback(port: 0))
            spawn(name: "accepting") { try await serve(listener) }
            return listener
        }
        loop.spawn(name: "ticks") {
            for number in 1... {
                try await sleep(for: .milliseconds(300))
                print("task: tick \(number)")
            }
        }
    }

    /// Sends a line through the echo server. Returns at once; the answer is printed when it comes.
    func echo(_ line: String) {
        loop.spawn(name: "echo") { [loop, server, oneAtATime, failures] in
            do {
                // First come, first served: the answers come in the order of the lines.
                try await oneAtATime.withPermit {
                    let address = try await server.value.localAddress
                    let answer = try await TCPStream.withConnection(to: address) { stream in
                        try await stream.write(line)
                        try await stream.finishWriting()
                        var answer: [UInt8] = []
                        while let bytes = try await stream.read(upTo: 4_096) { answer += bytes }
                        return String(decoding: answer, as: UTF8.self)
                    }
                    print("task: echo of \(answer)")
                }
            } catch is CancellationError {
                // The program ends.
            } catch {
                failures.note(error)
                loop.stop()
            }
        }
    }

    /// Ends the loop after the lines that are under way.
    func finish() {
        loop.spawn(name: "finish") { [loop, oneAtATime] in
            try await oneAtATime.withPermit { loop.stop() }
        }
    }
}

func serve(_ listener: TCPListener) async throws {
    for try await stream in listener {
        spawn {
            try await stream.withConnection { stream in
                while let bytes = try await stream.read(upTo: 4_096) {
                    try await stream.write(bytes)
                }
            }
        }
    }
}
