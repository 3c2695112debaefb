import Testing

@testable import AsyncCore

/// The state of a cancel scope, against a model that knows the whole history (S262, S270, S281,
/// S295).
struct CancelScopeStateTests {
    private enum Event: CaseIterable {
        case enter, activate, cancel, cancelAgain, outside, shieldUp, shieldDown, move, end
    }

    private func fresh(isShielded: Bool = false) -> CancelScopeState {
        CancelScopeState(timeout: nil, deadline: nil, isShielded: isShielded)
    }

    private func enter(_ state: inout CancelScopeState) -> Bool {
        state.enter(after: { _ in 70 }, at: { _ in 60 })
    }

    @Test func `a body is cancelled once, for the first reason, and not before it begins (S281)`() {
        var state = fresh()
        let asked = [
            state.cancel("first"), state.cancel("second"), !enter(&state), state.activate(),
            state.cancel("third"), state.cancelFromOutside(),
        ]
        #expect(asked == [false, false, false, true, false, false])
        #expect(state.reason?.message == "first")
    }

    @Test func `a scope is entered once`() {
        var state = fresh()
        let entries = [enter(&state), enter(&state)]
        #expect(entries == [true, false])
    }

    @Test func `the earlier of timeout and deadline counts, from the entry on (S298)`() {
        var state = CancelScopeState(timeout: .seconds(5), deadline: .now, isShielded: false)
        #expect(state.deadline == Monotonic.never)
        _ = enter(&state)
        #expect(state.deadline == 60)
        var other = CancelScopeState(timeout: .seconds(5), deadline: nil, isShielded: false)
        _ = enter(&other)
        #expect(other.deadline == 70)
    }

    @Test func `a deadline is moved until the scope is cancelled, or over (S295)`() {
        var state = fresh()
        var accepted = [state.replaceDeadline(timeout: .seconds(1), instant: nil)]
        _ = enter(&state)
        accepted += [
            state.replaceDeadline(timeout: .seconds(2), instant: nil), state.move(to: 20),
            state.activate(), state.move(to: 30),
        ]
        #expect(state.deadline == 30)
        var ended = state
        ended.end()
        _ = state.cancel("enough")
        accepted += [ended.move(to: 40), state.move(to: 40)]
        #expect(accepted == [true, false, true, false, true, false, false])
        #expect(state.deadline == 30)
    }

    /// All orders of up to six events, each against what they mean taken together.
    @Test func `who ended the body, in all orders of events (S264, S269, S270)`() {
        func visit(_ state: CancelScopeState, _ history: [Event], _ asked: Int) {
            check(state, history, asked)
            if history.count == 6 { return }
            for event in Event.allCases where isPossible(event, history) {
                var next = state
                let cancels = apply(event, to: &next)
                visit(next, history + [event], asked + (cancels ? 1 : 0))
            }
        }
        visit(fresh(), [], 0)
    }

    private func isPossible(_ event: Event, _ history: [Event]) -> Bool {
        switch event {
        case .enter: !history.contains(.enter)
        case .activate: history.contains(.enter) && !history.contains(.activate)
        case .outside: history.contains(.activate) && !history.contains(.end)
        case .end: history.contains(.activate) && !history.contains(.end)
        default: true
        }
    }

    private func apply(_ event: Event, to state: inout CancelScopeState) -> Bool {
        switch event {
        case .enter: return !state.enter(after: { _ in 1 }, at: { _ in 1 })
        case .activate: return state.activate()
        case .cancel: return state.cancel("cancel")
        case .cancelAgain: return state.cancel("again")
        case .outside: return state.cancelFromOutside()
        case .shieldUp: return state.shield(true)
        case .shieldDown: return state.shield(false)
        case .move:
            _ = state.move(to: 5)
            return false
        case .end:
            state.end()
            return false
        }
    }

    private func check(_ state: CancelScopeState, _ history: [Event], _ asked: Int) {
        let live = history.prefix { $0 != .end }
        let first = live.first { $0 == .cancel || $0 == .cancelAgain }
        // An outside cancellation counts from the first moment at which no shield is up.
        var isShielded = false
        var isOutside = false
        var isDelivered = false
        for event in live {
            if event == .shieldUp { isShielded = true }
            if event == .shieldDown { isShielded = false }
            if event == .outside { isOutside = true }
            if isOutside && !isShielded { isDelivered = true }
        }
        let isBegun = live.contains(.activate)
        #expect(asked == (isBegun && (first != nil || isDelivered) ? 1 : 0), "\(history)")
        let reason = first.map { $0 == .cancel ? "cancel" : "again" }
        #expect(state.reason?.message == reason, "\(history)")
        let expected: CancelScopeState.Ending =
            if isDelivered { .outside } else if let reason {
                .scope(CancellationReason(message: reason))
            } else { .itself }
        #expect(state.ending == expected, "\(history)")
    }
}
