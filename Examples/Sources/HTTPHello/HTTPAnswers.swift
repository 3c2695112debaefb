// What the server answers, made once.

/// The bytes of answers.
enum HTTPAnswers {
    /// What an answer says about the connection.
    private enum Connection: Int, CaseIterable {
        /// Nothing: HTTP/1.1 goes on.
        case goesOn
        /// HTTP/1.0 goes on if both say so.
        case goesOnForOldClient
        case ends
    }

    /// The answers to requests that are in order, each for each kind of connection, with and without
    /// its body.
    private static let hello = all(.ok, "Hello, world!\n")
    private static let notFound = all(.notFound, "Not Found\n")
    private static let notAllowed = all(
        .methodNotAllowed, "Method Not Allowed\n", "Allow: GET, HEAD\r\n")

    /// The interim answer to a client that asks whether it may send the body.
    static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    /// The answer to a request.
    ///
    /// - Parameter target: The bytes of the head's target.
    static func answer(_ head: HTTPRequestHead, _ target: Span<UInt8>) -> [UInt8] {
        let connection: Connection =
            !head.keepsAlive ? .ends : head.minorVersion >= 1 ? .goesOn : .goesOnForOldClient
        let index = connection.rawValue * 2 + (head.method == .head ? 1 : 0)
        if !isRoot(target) { return notFound[index] }
        return head.method == .other ? notAllowed[index] : hello[index]
    }

    /// The answer that ends a connection.
    static func refusal(_ error: HTTPRequestError) -> [UInt8] {
        make(error.status, error.reason + "\n", "", .ends, withBody: true)
    }

    /// Whether a target is the page: "/", with or without a query, or as a proxy is asked for it.
    private static func isRoot(_ target: Span<UInt8>) -> Bool {
        let slash = UInt8(ascii: "/")
        let question = UInt8(ascii: "?")
        if target.count == 1 { return target[0] == slash }
        var start = 0
        let scheme = "http://"
        if target.count > scheme.utf8.count,
            target.extracting(first: scheme.utf8.count).equals(ignoringCase: scheme)
        {
            start = scheme.utf8.count
            while start < target.count, target[start] != slash, target[start] != question {
                start += 1
            }
            if start == target.count || target[start] == question { return true }
        }
        guard target[start] == slash else { return false }
        return start + 1 == target.count || target[start + 1] == question
    }

    private static func all(_ status: HTTPStatus, _ body: String, _ headers: String = "")
        -> [[UInt8]]
    {
        Connection.allCases.flatMap { connection in
            [true, false].map { make(status, body, headers, connection, withBody: $0) }
        }
    }

    private static func make(
        _ status: HTTPStatus, _ body: String, _ headers: String, _ connection: Connection,
        withBody: Bool
    ) -> [UInt8] {
        var text = "HTTP/1.1 \(status)\r\n\(headers)"
        switch connection {
        case .goesOn: break
        case .goesOnForOldClient: text += "Connection: keep-alive\r\n"
        case .ends: text += "Connection: close\r\n"
        }
        text += "Content-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        if withBody { text += body }
        return Array(text.utf8)
    }
}
