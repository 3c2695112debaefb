// The programs of docs/tutorial.md, one for each chapter: `tutorial 1`, `tutorial 2` and so on.

import AsyncCore
import Glibc

@main
struct Tutorial {
    static let chapters: [(title: String, run: @Sendable () async throws -> Void)] = [
        ("a first coroutine", firstSteps),
        ("tasks that run together", tasks),
        ("gather", gathering),
        ("errors", errors),
        ("deadlines and cancellation", deadlines),
        ("a semaphore", semaphore),
        ("a queue", queue),
        ("an event", event),
        ("a lock", lock),
        ("a scope", scope),
    ]

    static func main() {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 1, let text = arguments.first, let number = Int(text),
            chapters.indices.contains(number - 1)
        else {
            let list = chapters.enumerated().map { "  \($0 + 1)  \($1.title)\n" }.joined()
            complain("which chapter?\nUsage: tutorial <chapter>\n\(list)")
            exit(64)
        }
        do {
            try EventLoop.run { try await chapters[number - 1].run() }
        } catch {
            complain("\(error)\n")
            exit(1)
        }
    }

    private static func complain(_ text: String) {
        var text = "Error: " + text
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
