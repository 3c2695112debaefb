// What a descriptor is ready for, as the kernel told it.
internal import CEventLoop

/// What a descriptor is ready for.
struct Readiness: OptionSet, Sendable {
    let rawValue: UInt32

    static let readable = Readiness(rawValue: UInt32(CEL_READABLE))
    static let writable = Readiness(rawValue: UInt32(CEL_WRITABLE))
    static let readClosed = Readiness(rawValue: UInt32(CEL_READ_CLOSED))
    static let hangUp = Readiness(rawValue: UInt32(CEL_HANG_UP))
    static let error = Readiness(rawValue: UInt32(CEL_ERROR))

    /// A read will not wait: there is data, the end of the stream, or an error to fetch.
    static let endsReadWait: Readiness = [.readable, .readClosed, .hangUp, .error]

    /// A write will not wait: there is room, or an error to fetch.
    static let endsWriteWait: Readiness = [.writable, .hangUp, .error]

    /// After one of these, a short read does not mean "drained": the kernel gives no further edge.
    static let final: Readiness = [.readClosed, .hangUp, .error]
}
