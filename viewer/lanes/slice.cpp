#include "viewer/lanes/slice.h"

#include <fmt/format.h>

namespace trapline::viewer {

std::string_view category_name(LaneKind kind) {
  constexpr std::array<std::string_view, kLaneKinds> kNames = {"state", "exit",     "vmm",     "injection",
                                                               "isr",   "workload", "pending", "raise"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string Lane::full_name() const {
  return vcpu ? fmt::format("vCPU {} {}", *vcpu, name) : name;
}

std::string_view arg_name(ArgName name) {
  constexpr std::array<std::string_view, kArgNames> kNames = {"key",
                                                              "cause",
                                                              "rip",
                                                              "info1",
                                                              "info2",
                                                              "open",
                                                              "step",
                                                              "vector",
                                                              "arg",
                                                              "iteration",
                                                              "user_exits",
                                                              "kernel_exits",
                                                              "async_exits",
                                                              "story",
                                                              "exception",
                                                              "depth",
                                                              "complete",
                                                              "eoi_after_ns",
                                                              "source",
                                                              "vcpu",
                                                              "raised",
                                                              "accepted",
                                                              "kicked",
                                                              "pending_ns",
                                                              "coalesced",
                                                              "reinjections",
                                                              "delivered_twice",
                                                              "entries_masked",
                                                              "posted",
                                                              "missing"};
  return kNames[static_cast<std::size_t>(name)];
}

}  // namespace trapline::viewer
