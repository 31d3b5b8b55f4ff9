// An interval, seen from one side: the lines of the views of `trapline top`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/live/live_sampler.h"

namespace trapline::tracer {

enum class LiveView : std::uint8_t { reason, vcpu, vector, port, vm };

// Each view with its name, what its lines are, and the key that shows it.
struct LiveViewRow {
  LiveView view;
  std::string_view name;
  std::string_view plural;
  char key;
};
inline constexpr std::array kLiveViews = {
    LiveViewRow{LiveView::reason, "reason", "exit reasons", 'r'},
    LiveViewRow{LiveView::vcpu, "vcpu", "vCPUs", 'v'},
    LiveViewRow{LiveView::vector, "vector", "interrupts", 'i'},
    LiveViewRow{LiveView::port, "port", "ports", 'p'},
    LiveViewRow{LiveView::vm, "vm", "VMs", 'm'},
};
[[nodiscard]] const LiveViewRow& live_view(LiveView view);

struct LiveLine {
  std::string name;  // "io", "port 0x3f8 out 1", "0x40", the VM's name: of a stranger, who may have put
                     // anything into it
  std::string vm;    // of a vCPU: its VM
  std::uint32_t vcpu_id = 0;
  std::uint32_t thread = 0;  // of a vCPU its thread, of a VM its process
  std::uint32_t vcpus = 0;   // that had part in it
  std::uint64_t count = 0;   // exits that ended; injections
  std::uint64_t accepted = 0;
  std::uint64_t posted = 0;
  bool halts = false;
  LiveFigures figures;  // exits: exit to entry, without halts unless it is a line of halts; vectors: accepted
                        // to injected
  std::uint64_t to_user = 0;
  std::uint64_t time_ns = 0;  // in these exits, those that are not over included
  std::uint64_t guest_ns = 0;
  std::uint64_t kvm_ns = 0;
  std::uint64_t user_ns = 0;
  std::uint64_t halted_ns = 0;
  std::uint64_t lived_ns =
      0;  // vCPU time that the parts are shares of: of vCPUs and VMs their own, else that of all vCPUs
};

// In no order that means anything.
[[nodiscard]] std::vector<LiveLine> lines_of(const LiveInterval& interval, LiveView view);

// Everything in one line: exits, and how the vCPUs' time was spent.
[[nodiscard]] LiveLine total_of(const LiveInterval& interval);

}  // namespace trapline::tracer
