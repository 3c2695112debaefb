// swift-tools-version: 6.2
import PackageDescription

// A package of its own: whoever builds AsyncCore, or depends on it, builds no fuzz target.
// `Fuzzing/fuzz.sh` says how it is compiled.
let asyncCore: Target.Dependency = .product(name: "AsyncCore", package: "AsyncCore")
let cEventLoop: Target.Dependency = .product(name: "CEventLoop", package: "AsyncCore")

// A program of one entry point, which lies in a folder of that name.
func fuzzTarget(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzDriver", asyncCore] + dependencies,
        swiftSettings: [
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
            .treatAllWarnings(as: .error),
        ])
}

let package = Package(
    name: "Fuzzing",
    dependencies: [.package(name: "AsyncCore", path: "..")],
    targets: [
        // Runs libFuzzer with a closure for each input.
        .target(name: "CFuzzDriver"),
        .target(name: "FuzzDriver", dependencies: ["CFuzzDriver"]),
        // A kernel whose answers are the input.
        .target(
            name: "HostileKernel", dependencies: [cEventLoop],
            cSettings: [.define("_GNU_SOURCE"), .enableWarning("all")]),
        // The example's library: a link to its folder, as the package of the examples needs others.
        .target(name: "HTTPHello", dependencies: [asyncCore]),
        fuzzTarget("FuzzReader"),
        fuzzTarget("FuzzAddresses", [cEventLoop]),
        fuzzTarget("FuzzHosts"),
        fuzzTarget("FuzzControl", [cEventLoop, "HostileKernel"]),
        fuzzTarget("FuzzHTTP", ["HTTPHello"]),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
