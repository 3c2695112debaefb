/// A TCP server that sends back whatever it receives: one task for each connection, on one thread.
///
/// It shows a listener as a sequence of connections, tasks that the loop keeps and ends, and an
/// orderly end by Ctrl-C or SIGTERM.
///
///     swift run --package-path Examples echo-server --host 127.0.0.1 --port 8888
///
/// Then, in another terminal, `echo-client --port 8888 hello`, or `socat - TCP:127.0.0.1:8888`.
/// Port 0 takes a free port; the first line of output says which.

import ArgumentParser
import AsyncCore
import Glibc
import Synchronization

@main
struct EchoServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "echo-server",
        abstract: "Sends back what it receives, until Ctrl-C or SIGTERM.")

    @Option(help: "The IPv4 or IPv6 address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 8888

    func validate() throws { _ = try address() }

    /// The address to listen on, or a misuse that names what is wrong with the options.
    func address() throws -> SocketAddress {
        do {
            return try SocketAddress(host, port: port)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        let address = try address()
        let totals = Totals()

        var configuration = EventLoop.Configuration()
        configuration.interruptSignals = [.interrupt, .terminate]
        do {
            try EventLoop.run(configuration: configuration) {
                try await serve(on: address, totals)
            }
        } catch EventLoopError.interrupted {
            // What a server is ended by is no error. All connections are closed by now.
            writeToStandardError(totals.description)
        }
    }
}

/// Accepts connections for ever: until the loop's main body, which this is, is cancelled.
func serve(on address: SocketAddress, _ totals: Totals) async throws {
    let listener = try TCPListener.bind(to: address)
    print("listening on \(listener.localAddress)")
    fflush(nil)  // Whoever started us may read this through a pipe, and wait for it.

    for try await stream in listener {
        totals.countConnection()
        // Each connection is a task of the loop, so a slow peer holds nobody up.
        spawn(name: "\(stream.peerAddress)") { await echo(stream, totals) }
    }
}

/// Serves one connection until its end.
func echo(_ stream: TCPStream, _ totals: Totals) async {
    do {
        // Closes the connection at the end, also after an error or a cancellation.
        try await stream.withConnection { stream in
            // Into memory that all connections share, as none of them keeps what it has read.
            while let received = try await stream.readPooled(upTo: 65_536) {
                // Suspends while the peer does not read: nothing piles up here.
                try await stream.write(received.bytes)
                totals.count(bytes: received.count)
            }
        }
    } catch is CancellationError {
        // The server ends.
    } catch let error as IOError where error.isEndOfPeer {
        // The peer went away without a goodbye, which is its right.
    } catch {
        writeToStandardError("\(stream.peerAddress): \(error)")
    }
}

extension IOError {
    var isEndOfPeer: Bool { code == .connectionReset || code == .brokenPipe }
}

/// What the server has done. Outlives the loop, and could be asked from any thread.
final class Totals: Sendable, CustomStringConvertible {
    private let connections = Atomic(0)
    private let bytes = Atomic(0)

    func countConnection() { connections.wrappingAdd(1, ordering: .relaxed) }

    func count(bytes count: Int) { bytes.wrappingAdd(count, ordering: .relaxed) }

    var description: String {
        "served \(connections.load(ordering: .relaxed)) connections, \(bytes.load(ordering: .relaxed)) bytes"
    }
}

func writeToStandardError(_ line: String) {
    let line = line + "\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
}
