/// A child that serves on a port of 127.0.0.1, which it says in its first line of output.
struct ServerProcess: ~Copyable {
    let process: ChildProcess
    let port: UInt16

    /// - Parameter command: a subcommand of this executable and its arguments.
    init(_ command: [String], lifetime: Int, core: Int32?) throws {
        let process = try ChildProcess(command, lifetime: lifetime, core: core)
        let port = try Self.port(in: process.readLine(timeoutMilliseconds: 10_000))
        self.process = process
        self.port = port
    }

    /// - Parameter program: a program that is built beside this one, and its arguments.
    init(program: [String], lifetime: Int, core: Int32?) throws {
        let path = try Sibling.path(of: program[0])
        try self.init(
            ["run", "--", path] + program.dropFirst(), lifetime: lifetime, core: core)
    }

    /// Our servers say `port N`, the others `listening on 127.0.0.1:N`.
    private static func port(in line: String) throws -> UInt16 {
        for start in ["port ", "listening on 127.0.0.1:"] where line.hasPrefix(start) {
            if let port = UInt16(line.dropFirst(start.count)) { return port }
        }
        throw UnexpectedOutput(line: line)
    }
}
