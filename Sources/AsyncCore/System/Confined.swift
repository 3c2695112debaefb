// State that one thread, or one lock, owns already: no need for Swift to check each access again.

/// A variable on the heap whose accesses are not checked at run time.
///
/// Swift checks that no two accesses of a class's stored property overlap, which costs more than
/// most of what a turn of the loop does. This is for the few hot variables that are confined to the
/// loop's thread or a lock, and whose accesses are short and call nothing. Its owner deallocates
/// it.
@safe
struct Confined<Value: ~Copyable>: @unchecked Sendable {
    // SAFETY: the owner confines it to one thread or lock, and deallocates it once, last. Accesses
    // call nothing that could come back to the same variable.
    private let pointer: UnsafeMutablePointer<Value>

    init(_ value: consuming Value) {
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: value)
    }

    /// A variable that begins where a line of the processor's cache does, for one that fits into a line
    /// and is met with cold memory.
    init(alignedToLine value: consuming Value) {
        precondition(MemoryLayout<Value>.size <= 64, "more than a line")
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<Value>.size, alignment: 64)
        unsafe pointer = memory.initializeMemory(as: Value.self, to: value)
    }

    var value: Value {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(pointer) }
        @inline(__always) nonmutating unsafeMutableAddress { unsafe pointer }
    }

    /// Where it is.
    @inline(__always)
    var address: UInt { unsafe UInt(bitPattern: pointer) }

    /// Asks for the memory, which will be looked at soon.
    @inline(__always)
    func prefetch() { unsafe Prefetch.memory(at: pointer, count: MemoryLayout<Value>.size) }

    func deallocate() {
        unsafe pointer.deinitialize(count: 1)
        unsafe pointer.deallocate()
    }
}
