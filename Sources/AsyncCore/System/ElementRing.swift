// The storage of queues: a ring that grows, and is taken from at both ends.

/// Elements in order, in memory that is used again.
///
/// Not synchronised: its owner is a lock or a thread. It calls nothing but the copying of elements,
/// and lets go of none by itself: whoever takes one out says where it goes. Adding is amortised
/// O(1), everything else O(1).
@safe
@usableFromInline
final class ElementRing<Element>: @unchecked Sendable {
    // SAFETY: `slots` is nil, or has `mask + 1` slots, a power of two. The `count` slots from `head`
    // on, around the end, are initialised, and no others. Its owner confines it, so that accesses do
    // not overlap.
    @exclusivity(unchecked) @usableFromInline var slots: UnsafeMutablePointer<Element>?
    @exclusivity(unchecked) @usableFromInline var mask = -1
    @exclusivity(unchecked) @usableFromInline var head = 0
    @exclusivity(unchecked) @usableFromInline var used = 0

    /// With more slots than this, an empty ring gives its memory back.
    @inlinable static var keptSlots: Int { 4096 }

    @usableFromInline
    init() {}

    deinit {
        while removeFirst() != nil {}
        unsafe slots?.deallocate()
    }

    @inlinable
    var count: Int { unsafe used }

    @inlinable
    var isEmpty: Bool { unsafe used == 0 }

    /// The address of the element at `offset` from the first.
    @inlinable
    func slot(at offset: Int) -> UnsafeMutablePointer<Element> {
        guard let slots = unsafe slots else { preconditionFailure("an empty ring has no slots") }
        return unsafe slots + ((head &+ offset) & mask)
    }

    /// The element at `offset` from the first.
    @inlinable
    subscript(offset: Int) -> Element {
        @inlinable get {
            precondition(offset >= 0 && offset < count, "beyond the elements of a ring")
            return unsafe slot(at: offset).pointee
        }
        @inlinable _modify {
            precondition(offset >= 0 && offset < count, "beyond the elements of a ring")
            yield unsafe &slot(at: offset).pointee
        }
    }

    @inlinable
    func append(_ element: consuming Element) {
        if unsafe used > mask { grow() }
        unsafe slot(at: used).initialize(to: element)
        unsafe used &+= 1
    }

    /// Takes the first element out; nil if there is none.
    @inlinable
    func removeFirst() -> Element? {
        if unsafe used == 0 { return nil }
        let element = unsafe slot(at: 0).move()
        unsafe head = (head &+ 1) & mask
        unsafe used &-= 1
        if unsafe used == 0 { becameEmpty() }
        return element
    }

    /// Takes the last element out; nil if there is none.
    @inlinable
    func removeLast() -> Element? {
        if unsafe used == 0 { return nil }
        unsafe used &-= 1
        let element = unsafe slot(at: used).move()
        if unsafe used == 0 { becameEmpty() }
        return element
    }

    @usableFromInline
    func grow() {
        let capacity = max(8, unsafe (mask + 1) * 2)
        let fresh = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        for offset in 0..<count {
            // SAFETY: each element moves once, to a slot of its own.
            unsafe (fresh + offset).initialize(to: slot(at: offset).move())
        }
        unsafe slots?.deallocate()
        unsafe slots = fresh
        unsafe mask = capacity - 1
        unsafe head = 0
    }

    /// Gives the memory of a burst back.
    @inlinable
    func becameEmpty() {
        if unsafe mask >= Self.keptSlots { releaseSlots() }
    }

    @usableFromInline
    func releaseSlots() {
        unsafe slots?.deallocate()
        unsafe slots = nil
        unsafe mask = -1
        unsafe head = 0
    }
}
