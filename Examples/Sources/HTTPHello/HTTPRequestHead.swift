// What a server learns from the head of a request, and why it may refuse one.

/// The head of a request, without a copy of it: its target is a range of the bytes it was read from.
public struct HTTPRequestHead: Sendable, Equatable {
    /// The methods that this server tells apart.
    public enum Method: Sendable, Equatable {
        case get
        case head
        case other
    }

    /// How the end of the body is known.
    public enum Body: Sendable, Equatable {
        case none
        case length(Int)
        case chunked
    }

    public var method = Method.other
    /// Where the request's target is, counted from the head's first byte.
    public var target = 0..<0
    /// The 1 of HTTP/1.1.
    public var minorVersion = 1
    /// Whether the connection goes on after the answer.
    public var keepsAlive = true
    public var body = Body.none
    /// Whether the client waits for "100 Continue" before it sends the body.
    public var expectsContinue = false
    /// How many bytes the head has, its empty line included.
    public var byteCount = 0

    public init() {}
}

/// A request that is not answered as it wishes; the connection ends after the answer.
public struct HTTPRequestError: Error, Equatable, CustomStringConvertible {
    public let status: HTTPStatus
    /// What was wrong, for the client.
    public let reason: String

    init(_ status: HTTPStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    public var description: String { "\(status): \(reason)" }
}

/// The statuses that this server answers with.
public enum HTTPStatus: Int, Sendable, CustomStringConvertible {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case requestTimeout = 408
    case contentTooLarge = 413
    case targetTooLong = 414
    case expectationFailed = 417
    case headTooLarge = 431
    case notImplemented = 501
    case versionNotSupported = 505

    public var description: String { "\(rawValue) \(phrase)" }

    private var phrase: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .requestTimeout: "Request Timeout"
        case .contentTooLarge: "Content Too Large"
        case .targetTooLong: "URI Too Long"
        case .expectationFailed: "Expectation Failed"
        case .headTooLarge: "Request Header Fields Too Large"
        case .notImplemented: "Not Implemented"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}
