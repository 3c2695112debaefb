// A socket address of any family, between the kernel and the types that show it.
internal import CEventLoop

/// A socket address as the kernel takes and gives it.
///
/// ``SocketAddress`` and ``UnixAddress`` are what users see.
typealias RawAddress = cel_address
