// Names for signals.
internal import Glibc

/// A signal, by its number.
public struct Signal: Hashable, Sendable, CustomStringConvertible {
    /// The number, as in `<signal.h>`.
    public let number: Int32

    /// A signal with that number.
    public init(number: Int32) { self.number = number }

    /// SIGINT: Ctrl-C.
    public static let interrupt = Signal(number: SIGINT)
    /// SIGTERM: a polite request to end.
    public static let terminate = Signal(number: SIGTERM)
    /// SIGHUP: the terminal is gone.
    public static let hangUp = Signal(number: SIGHUP)

    /// Its name.
    public var description: String {
        switch self {
        case .interrupt: "SIGINT"
        case .terminate: "SIGTERM"
        case .hangUp: "SIGHUP"
        default: "signal \(number)"
        }
    }
}
