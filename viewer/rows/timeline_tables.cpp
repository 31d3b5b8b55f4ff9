#include "viewer/rows/timeline_tables.h"

#include <algorithm>
#include <array>

namespace trapline::viewer {
namespace {

using namespace std::string_view_literals;

constexpr std::array<std::string_view, kTimelineTables> kNames = {
    "vcpus", "states", "exits", "vmm_steps", "injections", "isrs", "events", "interrupts"};

constexpr std::array kVcpus = {"vm"sv,     "vcpu"sv,           "traced_ns"sv,
                               "stamps"sv, "stamps_outside"sv, "worst_violation_ns"sv};
constexpr std::array kStates = {"vm"sv, "vcpu"sv, "begin_ns"sv, "end_ns"sv, "state"sv};
constexpr std::array kExits = {"vm"sv,          "vcpu"sv,         "exit_ns"sv,       "entry_ns"sv,
                               "reason"sv,      "key"sv,          "cause"sv,         "halts"sv,
                               "open"sv,        "rip"sv,          "info1"sv,         "info2"sv,
                               "code"sv,        "event_inj"sv,    "exit_int_info"sv, "user_exit_ns"sv,
                               "user_reason"sv, "vmm_begin_ns"sv, "vmm_end_ns"sv};
constexpr std::array kVmmSteps = {"vm"sv,   "vcpu"sv,        "begin_ns"sv, "end_ns"sv,
                                  "step"sv, "description"sv, "vector"sv,   "arg"sv};
constexpr std::array kInjections = {"vm"sv,        "vcpu"sv,       "entry_ns"sv,     "vector"sv,
                                    "exception"sv, "reinjected"sv, "isr_entry_ns"sv, "interrupt"sv};
constexpr std::array kIsrs = {"vm"sv,       "vcpu"sv,  "entry_ns"sv, "iret_ns"sv, "vector"sv,   "name"sv,
                              "workload"sv, "depth"sv, "complete"sv, "eoi_ns"sv,  "interrupt"sv};
constexpr std::array kEvents = {"vm"sv,           "vcpu"sv,       "workload"sv,     "iteration"sv,
                                "u0_ns"sv,        "k1_ns"sv,      "k2_ns"sv,        "u3_ns"sv,
                                "handler_vcpu"sv, "user_exits"sv, "kernel_exits"sv, "async_exits"sv};
constexpr std::array kInterrupts = {"vm"sv,
                                    "vcpu"sv,
                                    "id"sv,
                                    "vector"sv,
                                    "name"sv,
                                    "source"sv,
                                    "raised_by_tid"sv,
                                    "raised_by_vcpu"sv,
                                    "raised_ns"sv,
                                    "raised_linked_by"sv,
                                    "accepted_ns"sv,
                                    "accepted_linked_by"sv,
                                    "kicked_ns"sv,
                                    "kicked_linked_by"sv,
                                    "injected_ns"sv,
                                    "injected_linked_by"sv,
                                    "isr_entry_ns"sv,
                                    "isr_entry_linked_by"sv,
                                    "eoi_ns"sv,
                                    "eoi_linked_by"sv,
                                    "iret_ns"sv,
                                    "iret_linked_by"sv,
                                    "complete"sv,
                                    "missing"sv,
                                    "coalesced"sv,
                                    "reinjections"sv,
                                    "delivered_twice"sv,
                                    "entries_masked"sv,
                                    "depth"sv,
                                    "posted"sv,
                                    "eoi_exit"sv};

constexpr std::array<std::span<const std::string_view>, kTimelineTables> kColumns = {
    kVcpus, kStates, kExits, kVmmSteps, kInjections, kIsrs, kEvents, kInterrupts};

}  // namespace

std::string_view table_name(TimelineTable table) {
  return kNames[static_cast<std::size_t>(table)];
}

std::optional<TimelineTable> table_of(std::string_view name) {
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<TimelineTable>(found - kNames.begin());
}

std::span<const std::string_view> columns_of(TimelineTable table) {
  return kColumns[static_cast<std::size_t>(table)];
}

}  // namespace trapline::viewer
