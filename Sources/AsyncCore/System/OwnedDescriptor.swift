// A descriptor that somebody owns.
internal import Synchronization

/// A descriptor of any kind that is closed once nobody holds it any more.
///
/// Those that come over a ``UnixStream`` are of this type, so that none is lost: what is not taken out
/// with ``take()`` is closed. It is made so that programs which this one starts do not inherit it.
///
/// ## Isolation
/// *Any task*. Who closes or takes it must know that nobody is using its number.
public final class OwnedDescriptor: Sendable {
    // -1 once it is closed or taken.
    private let descriptor: Atomic<Int32>
    private let calls: SystemCalls

    /// Takes over a descriptor.
    ///
    /// - Parameter number: The descriptor, which nobody else closes from here on.
    /// - Precondition: `number` is not negative.
    public convenience init(owning number: Int32) { self.init(number, .kernel) }

    /// A second descriptor for the same open file, for one that stays somebody else's.
    ///
    /// - Parameter number: The descriptor.
    /// - Throws: ``IOError``: `.badDescriptor`, `.resourcesExhausted`.
    public convenience init(duplicating number: Int32) throws {
        do throws(SystemError) {
            self.init(try Descriptor.duplicate(number), .kernel)
        } catch {
            throw IOError(error, operation: "duplicate descriptor \(number)")
        }
    }

    init(_ number: Int32, _ calls: SystemCalls) {
        precondition(number >= 0, "a descriptor is not negative")
        descriptor = Atomic(number)
        self.calls = calls
    }

    deinit { close() }

    /// The descriptor's number; -1 once it is closed or taken.
    ///
    /// It stays this object's to close, which it does as soon as nobody refers to it: to use the number
    /// in a call, see ``withNumber(_:)``.
    public var number: Int32 { descriptor.load(ordering: .acquiring) }

    /// Uses the descriptor's number, and keeps the descriptor open meanwhile.
    ///
    /// - Parameter body: What to do with the number, which is -1 if the descriptor is closed or taken.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws.
    public func withNumber<R: ~Copyable, Failure>(
        _ body: (Int32) throws(Failure) -> R
    ) throws(Failure) -> R {
        defer { withExtendedLifetime(self) {} }
        return try body(number)
    }

    /// Gives the descriptor to the caller, who has to close it.
    ///
    /// - Returns: Its number; nil if it is closed or taken already.
    public func take() -> Int32? {
        let number = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
        return number < 0 ? nil : number
    }

    /// Closes the descriptor.
    ///
    /// A second call does nothing, and neither does one after ``take()``.
    public func close() {
        if let number = take() { Socket.close(number, calls) }
    }
}
