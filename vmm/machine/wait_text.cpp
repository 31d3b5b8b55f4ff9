#include "vmm/machine/wait_text.h"

#include <fmt/format.h>

#include "vmm/paths/workloads.h"

namespace trapline::vmm {

namespace {

std::string workload_of(const guest_shared& page) {
  const auto name = workload_name(static_cast<std::uint32_t>(page.workload));
  return name.empty() ? "no workload" : fmt::format("workload {}", name);
}

std::string subject(const guest_shared& page) {
  switch (page.waits_for) {
    case GUEST_WAIT_INTERRUPT:
      return fmt::format("an interrupt, {}", workload_of(page));
    case GUEST_WAIT_WAKE_UP:
      return fmt::format("an interrupt to end a HLT, {}", workload_of(page));
    case GUEST_WAIT_TARGET_HALTED:
      return "vCPU 1 to halt";
    case GUEST_WAIT_TARGET_HANDLED:
      return "vCPU 1 to handle an IPI";
    case GUEST_WAIT_SETTLE:
      return "the TSC to advance";
    case GUEST_WAIT_RING_ROOM:
      return "the VMM to read stamps";
    case GUEST_WAIT_SERIAL:
      return "the serial port to take a character";
    case GUEST_WAIT_NOT_EARLY:
      return fmt::format("an interrupt that comes after it is awaited, {}", workload_of(page));
    default:
      return fmt::format("something unknown ({})", page.waits_for);
  }
}

std::string waited(const guest_shared& page) {
  switch (page.waits_for) {
    case GUEST_WAIT_WAKE_UP:
      return fmt::format("woken {} times without one", page.waited_rounds);
    case GUEST_WAIT_NOT_EARLY:
      return fmt::format("{} in a row came before", page.waited_rounds);
    default:
      return fmt::format("{} rounds of {} looks", page.waited_rounds, GUEST_WAIT_ROUND(page.waits_for));
  }
}

std::string counts(std::span<const guest_shared> pages) {
  std::string text;
  for (std::size_t vcpu = 0; vcpu < pages.size(); ++vcpu) {
    const guest_shared& page = pages[vcpu];
    text += fmt::format("{}vCPU {}: {} interrupts", vcpu == 0 ? "" : "; ", vcpu, page.interrupts);
    if (page.idle != 0)
      text += fmt::format(", {} halts, the last one after interrupt {}", page.idle, page.halted_at);
  }
  return text;
}

}  // namespace

std::string describe_wait(std::size_t vcpu, std::span<const guest_shared> pages) {
  if (vcpu >= pages.size()) return {};
  return fmt::format("vCPU {} waited for {} ({}; {})", vcpu, subject(pages[vcpu]), waited(pages[vcpu]),
                     counts(pages));
}

std::string describe_endless_halt(std::span<const guest_shared> pages) {
  if (pages.empty()) return {};
  return fmt::format("vCPU 0 waits in HLT, {}, and nothing is pending or armed that could end it ({})",
                     workload_of(pages.front()), counts(pages));
}

}  // namespace trapline::vmm
