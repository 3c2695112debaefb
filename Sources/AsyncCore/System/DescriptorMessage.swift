// What a Unix stream carries beside bytes, as a value.

/// Bytes of a Unix stream, and the descriptors that came with them.
public struct DescriptorMessage: Sendable {
    /// The bytes, at least one.
    public let bytes: [UInt8]

    /// The descriptors in the order in which they were sent.
    public let descriptors: [OwnedDescriptor]

    /// How many more came than the caller allowed; they are closed.
    public let refusedCount: Int

    /// Whether descriptors were lost because this process has as many open as it may.
    ///
    /// The kernel has closed them, and does not tell how many they were.
    public let hasLostDescriptors: Bool
}
