/// Sends commands to a Redis server, all at once, and prints the replies in order.
///
/// It shows pipelining: one task writes commands, collected into few system calls, while another
/// reads replies; neither waits for the other. The protocol is RESP 2, read by a `BufferedReader`.
///
///     swift run --package-path Examples redis-client --port 6379 "SET greeting hello" "GET greeting"
///     swift run --package-path Examples redis-client < commands.txt
///
/// Words of a command are separated by spaces. The exit status is 2 if a reply is an error.

import ArgumentParser
import AsyncCore

@main
struct RedisClient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis-client",
        abstract: "Sends commands to a Redis server, and prints the replies.",
        discussion: "Without arguments the commands are read from standard input, one a line.")

    @Option(help: "The server: a name or an address.")
    var host = "localhost"

    @Option(help: "The server's port.")
    var port = 6379

    @Argument(help: "Commands, each in one argument.")
    var commands: [String] = []

    func validate() throws {
        if !(1...65_535).contains(port) { throw ValidationError("a port is 1 to 65535") }
    }

    func run() throws {
        let texts = commands.isEmpty ? lines() : commands
        let commands = texts.map { $0.split(separator: " ").map(String.init) }
            .filter { !$0.isEmpty }
        let (host, port) = (host, port)
        let replies = try EventLoop.run { try await ask(host, port, commands) }
        for reply in replies { print(reply.description) }
        if replies.contains(where: \.isError) { throw ExitCode(2) }
    }

    private func lines() -> [String] {
        var lines: [String] = []
        while let line = readLine() { lines.append(line) }
        return lines
    }
}

/// Sends all commands, and returns their replies.
func ask(_ host: String, _ port: Int, _ commands: [[String]]) async throws -> [Reply] {
    let stream = try await TCPStream.connect(host: host, port: port, timeout: .seconds(5))
    return try await stream.withConnection { stream in
        async let sent: Void = send(commands, to: stream)
        let reader = BufferedReader(stream)
        var replies: [Reply] = []
        for _ in commands { replies.append(try await Reply.read(from: reader)) }
        try await sent
        return replies
    }
}

/// Writes each command as an array of strings.
func send(_ commands: [[String]], to stream: TCPStream) async throws {
    let writer = BufferedWriter(stream)
    for words in commands {
        try await writer.write("*\(words.count)\r\n")
        for word in words { try await writer.write("$\(word.utf8.count)\r\n\(word)\r\n") }
    }
    try await writer.flush()
}

/// What a Redis server answers.
indirect enum Reply: Sendable, CustomStringConvertible {
    case status(String)
    case error(String)
    case integer(String)
    case string([UInt8]?)
    case array([Reply]?)

    var isError: Bool { if case .error = self { true } else { false } }

    var description: String {
        switch self {
        case .status(let text), .integer(let text): text
        case .error(let text): "error: \(text)"
        case .string(let bytes): bytes.map { String(decoding: $0, as: UTF8.self) } ?? "(nil)"
        case .array(let replies): replies.map { "\($0.map(\.description))" } ?? "(nil)"
        }
    }

    static func read(from reader: BufferedReader) async throws -> Reply {
        guard let line = try await reader.readLine(limit: 65_536), let kind = line.first else {
            throw RedisError.closed
        }
        let rest = String(line.dropFirst())
        switch kind {
        case "+": return .status(rest)
        case "-": return .error(rest)
        case ":": return .integer(rest)
        case "$":
            guard let count = try length(rest) else { return .string(nil) }
            let bytes = try await reader.read(exactly: count + 2)
            return .string(Array(bytes.dropLast(2)))
        case "*":
            guard let count = try length(rest) else { return .array(nil) }
            var replies: [Reply] = []
            for _ in 0..<count { replies.append(try await read(from: reader)) }
            return .array(replies)
        default: throw RedisError.unexpected(line)
        }
    }

    /// A length; nil for the -1 that stands for no value.
    private static func length(_ text: String) throws -> Int? {
        // 512 MB is the most that Redis holds.
        guard let length = Int(text), (-1...536_870_912).contains(length) else {
            throw RedisError.unexpected(text)
        }
        return length == -1 ? nil : length
    }
}

/// A server that does not speak RESP, or speaks no more.
enum RedisError: Error, CustomStringConvertible {
    case closed
    case unexpected(String)

    var description: String {
        switch self {
        case .closed: "the server closed the connection before it had answered"
        case .unexpected(let text): "the server said '\(text)', which is not RESP"
        }
    }
}
