// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that whoever depends on AsyncCore fetches nothing that only benchmarks
// need. With ASYNCCORE_BENCH_PEERS_ONLY set, the peers are built and measured without AsyncCore:
// for checking the harness itself, or a machine, on its own.
let measuresAsyncCore = Context.environment["ASYNCCORE_BENCH_PEERS_ONLY"] == nil

var packages: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
]
var dependencies: [Target.Dependency] = [
    "CBenchSupport",
    .product(name: "ArgumentParser", package: "swift-argument-parser"),
]
// Not NonisolatedNonsendingByDefault: it makes each resumption dearer, on every runtime alike, and
// whoever sets nothing goes without it.
var settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
if measuresAsyncCore {
    packages.append(.package(name: "AsyncCore", path: ".."))
    dependencies.append(.product(name: "AsyncCore", package: "AsyncCore"))
    dependencies.append(.product(name: "CEventLoop", package: "AsyncCore"))
    settings.append(.define("ASYNCCORE"))
}

let package = Package(
    name: "AsyncCoreBenchmarks",
    products: [.executable(name: "asynccore-bench", targets: ["AsyncCoreBench"])],
    dependencies: packages,
    targets: [
        .target(
            name: "CBenchSupport",
            cSettings: [
                .define("_GNU_SOURCE"),
                .enableWarning("all"),
                .enableWarning("extra"),
                .treatAllWarnings(as: .error),
            ]),
        .executableTarget(
            name: "AsyncCoreBench",
            dependencies: dependencies,
            exclude: measuresAsyncCore
                ? [] : ["EchoAsyncCore.swift", "MicroAsyncCore.swift", "ToolkitAsyncCore.swift"],
            swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .c17
)
