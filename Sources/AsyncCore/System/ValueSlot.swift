// Room for one value of a type that the owner of the room does not know.

/// Two words, which hold a value or, if it is larger, the address of one.
///
/// A field of a type that depends on a generic parameter has the runtime look for that type whenever its
/// owner goes: a hundred nanoseconds. This one does not.
///
/// Who has put a value in takes it out, or destroys it, once, as the type that it was put in as.
@safe
@usableFromInline
struct ValueSlot {
    // SAFETY: the words are as large as what is put there, and aligned as it wants to be; memory of a
    // larger value is allocated by `put` and freed by `take` or `destroy`. Who calls them keeps the order.
    @usableFromInline var words: (UInt, UInt) = (0, 0)

    @usableFromInline init() {}

    /// Whether a value of that type lies in the words themselves.
    @inlinable @inline(__always)
    static func holds<Value>(_ type: Value.Type) -> Bool {
        MemoryLayout<Value>.size <= MemoryLayout<(UInt, UInt)>.size
            && MemoryLayout<Value>.alignment <= MemoryLayout<UInt>.alignment
    }

    /// Shows `body` the memory of the value.
    @inlinable @inline(__always)
    mutating func withMemory<Value, R>(
        of type: Value.Type, _ body: (UnsafeMutablePointer<Value>) -> R
    ) -> R {
        // SAFETY: the words are as large as a value that they hold, and aligned as it wants to be.
        if Self.holds(type) {
            return unsafe withUnsafeMutableBytes(of: &words) {
                guard let base = $0.baseAddress else { preconditionFailure("no words") }
                return unsafe body(base.bindMemory(to: type, capacity: 1))
            }
        }
        guard let memory = unsafe UnsafeMutablePointer<Value>(bitPattern: words.0) else {
            preconditionFailure("a slot is asked for a value that it does not have")
        }
        return unsafe body(memory)
    }

    /// Puts a value into the slot, which has none.
    @inlinable @inline(__always)
    mutating func put<Value>(_ value: consuming Value) {
        if !Self.holds(Value.self) {
            words.0 = UInt(bitPattern: UnsafeMutablePointer<Value>.allocate(capacity: 1))
        }
        var value = Optional(value)
        unsafe withMemory(of: Value.self) {
            guard let whole = value.take() else { return }
            unsafe $0.initialize(to: whole)
        }
    }

    /// A copy of the value.
    ///
    /// To be called in a function that is not inlined, and whose caller keeps the slot until it returns: that
    /// the slot holds the value is not known to the compiler, which counts references.
    @inlinable @inline(__always)
    func value<Value>(as type: Value.Type) -> Value {
        // SAFETY: as above; read by several threads at once, it must not be an access that changes.
        if Self.holds(type) {
            return unsafe withUnsafeBytes(of: words) { unsafe $0.load(as: type) }
        }
        guard let memory = unsafe UnsafePointer<Value>(bitPattern: words.0) else {
            preconditionFailure("a slot is asked for a value that it does not have")
        }
        return unsafe memory.pointee
    }

    /// Takes the value out.
    @inlinable @inline(__always)
    mutating func take<Value>(as type: Value.Type) -> Value {
        unsafe withMemory(of: type) {
            let value = unsafe $0.move()
            if !Self.holds(type) { unsafe $0.deallocate() }
            return value
        }
    }

    /// Destroys the value.
    @inlinable @inline(__always)
    mutating func destroy<Value>(as type: Value.Type) {
        unsafe withMemory(of: type) {
            unsafe $0.deinitialize(count: 1)
            if !Self.holds(type) { unsafe $0.deallocate() }
        }
    }
}
