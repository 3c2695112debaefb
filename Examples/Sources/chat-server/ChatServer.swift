/// A room in which everybody hears what everybody else says, line by line.
///
/// It shows lines with a limit, a broadcast whose slow listeners miss messages instead of holding
/// others up, and two tasks that share a connection: one reads, one writes.
///
///     swift run --package-path Examples chat-server --port 7777
///
/// Then, in several terminals, `socat - TCP:127.0.0.1:7777`. The first line is the name.

import ArgumentParser
import AsyncCore
import Glibc

@main
struct ChatServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat-server",
        abstract: "A chat room over TCP, until Ctrl-C or SIGTERM.")

    @Option(help: "The IPv4 or IPv6 address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 7777

    func validate() throws { _ = try address() }

    private func address() throws -> SocketAddress {
        do { return try SocketAddress(host, port: port) } catch {
            throw ValidationError("\(error)")
        }
    }

    func run() throws {
        let address = try address()
        var configuration = EventLoop.Configuration()
        configuration.interruptSignals = [.interrupt, .terminate]
        do {
            try EventLoop.run(configuration: configuration) { try await serve(on: address) }
        } catch EventLoopError.interrupted {}
    }
}

/// What is said, and by whom: a speaker does not hear himself.
struct Message: Sendable {
    let speaker: SocketAddress
    let text: String
}

func serve(on address: SocketAddress) async throws {
    let listener = try TCPListener.bind(to: address)
    print("listening on \(listener.localAddress)")
    fflush(nil)  // Whoever started us may read this through a pipe, and wait for it.
    let room = Broadcast<Message>(capacity: 256)
    try await TCPServer(listener).serve { stream in try await talk(stream, in: room) }
}

/// Serves one guest until he leaves.
func talk(_ stream: TCPStream, in room: Broadcast<Message>) async throws {
    let reader = BufferedReader(stream)
    try await stream.write("Your name?\n")
    guard let name = try await reader.readLine(limit: 64), !name.isEmpty else { return }
    let messages = room.subscribe()
    let me = stream.peerAddress
    try room.send(Message(speaker: me, text: "* \(name) comes in"))
    defer { _ = try? room.send(Message(speaker: me, text: "* \(name) leaves")) }
    try await stream.write("Welcome, \(name)\n")

    // The listening half ends with the speaking half: it is a child that the scope cancels.
    try await withTaskScope { scope in
        scope.spawn {
            while let message = try await next(of: messages) {
                if message.speaker != me { try await stream.write(message.text + "\n") }
            }
        }
        for try await line in reader.lines(limit: 1024) where !line.isEmpty {
            try room.send(Message(speaker: me, text: "\(name): \(line)"))
        }
        scope.cancel()
    }
}

/// The next message; one who was too slow is told so.
func next(of messages: Broadcast<Message>.Receiver) async throws -> Message? {
    do {
        return try await messages.receive()
    } catch ChannelError.lagged(let count) {
        return Message(speaker: try SocketAddress("::", port: 0), text: "* \(count) lines missed")
    } catch ChannelError.endOfChannel {
        return nil
    }
}
