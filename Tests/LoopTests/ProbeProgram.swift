import AsyncCoreTestSupport
import Glibc
import Testing

/// Runs the probe, and returns what it says. It ends by itself, well: else this throws.
func probe(_ what: String) async throws -> [String: String] {
    let text = try await onThread { try output(of: "'\(ownFolder())/ProgramModeProbe' \(what)") }
    var found: [String: String] = [:]
    for line in text.split(separator: "\n") {
        let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
        found[parts[0]] = parts.count == 2 ? parts[1] : ""
    }
    return found
}

private struct ProbeFailure: Error {
    let status: CInt
    let output: String
}

/// What a command of the shell writes to standard output.
private func output(of command: String) throws -> String {
    let stream = try #require(popen(command, "r"))
    var bytes: [UInt8] = []
    while case let byte = fgetc(stream), byte >= 0 { bytes.append(UInt8(byte)) }
    let status = pclose(stream)
    let text = String(decoding: bytes, as: UTF8.self)
    if status != 0 { throw ProbeFailure(status: status, output: text) }
    return text
}

/// The folder of the test bundle, where the build puts the probe as well.
private func ownFolder() -> String {
    var path = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = path.withUnsafeMutableBytes { bytes in
        let text = bytes.assumingMemoryBound(to: CChar.self)
        return readlink("/proc/self/exe", text.baseAddress!, text.count)
    }
    let text = String(decoding: path.prefix(count), as: UTF8.self)
    return String(text[..<(text.lastIndex(of: "/") ?? text.startIndex)])
}
