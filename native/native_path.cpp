#include "native/native_path.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cerrno>
#include <csignal>

#include "base/mapping.h"

namespace trapline::native {
namespace {

constexpr std::size_t kPageBytes = 4096;

// Bytes of the instruction that may fault next: the handler steps over it. Read by the handler only.
volatile sig_atomic_t instruction_bytes = 0;
volatile sig_atomic_t faults = 0;

void step_over(int /*signal*/, siginfo_t* /*info*/, void* context) {
  static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += instruction_bytes;
  faults = faults + 1;
}

// While it lives, SIGSEGV and SIGFPE step over the instruction that caused them.
class FaultsSteppedOver {
 public:
  FaultsSteppedOver() {
    struct sigaction action {};
    action.sa_sigaction = step_over;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGSEGV, &action, &segv_);
    ::sigaction(SIGFPE, &action, &fpe_);
  }
  ~FaultsSteppedOver() {
    ::sigaction(SIGSEGV, &segv_, nullptr);
    ::sigaction(SIGFPE, &fpe_, nullptr);
  }
  FaultsSteppedOver(const FaultsSteppedOver&) = delete;
  FaultsSteppedOver& operator=(const FaultsSteppedOver&) = delete;

 private:
  struct sigaction segv_ {};
  struct sigaction fpe_ {};
};

// As the guest's stamps read it: ordered after all loads before it.
inline HostTsc stamp() {
  _mm_lfence();
  return HostTsc{__rdtsc()};
}

// Each event's instruction has fixed operands, so that its length is known.
inline void call_by_int80() {
  constexpr long kGetpid32 = 20;  // arch/x86/entry/syscalls/syscall_32.tbl
  long result = kGetpid32;
  asm volatile(".byte 0xcd, 0x80" : "+a"(result)::"memory", "r8", "r9", "r10", "r11");
}

inline void call_by_syscall() {
  constexpr long kGetpid64 = 39;  // arch/x86/entry/syscalls/syscall_64.tbl
  long result = kGetpid64;
  asm volatile("syscall" : "+a"(result)::"memory", "rcx", "r11");
}

inline void load(const void* address) {
  std::uint64_t value = 0;
  asm volatile(".byte 0x48, 0x8b, 0x07" : "+a"(value) : "D"(address) : "memory");  // mov (%rdi), %rax
}

inline void divide_by_zero() {
  std::uint32_t quotient = 1;
  std::uint32_t remainder = 0;
  asm volatile(".byte 0xf7, 0xf1" : "+a"(quotient), "+d"(remainder) : "c"(0) : "memory", "cc");  // div %ecx
}

inline void ask_cpuid() {
  std::uint32_t leaf = 0;
  std::uint32_t subleaf = 0;
  asm volatile("cpuid" : "+a"(leaf), "+c"(subleaf)::"ebx", "edx", "memory");
}

bool int80_is_off() {
  const FaultsSteppedOver stepped_over;
  instruction_bytes = 2;
  faults = 0;
  call_by_int80();
  return faults != 0;
}

template <typename Prepare, typename Event>
std::vector<RoundTrip> time_events(std::uint32_t count, const Prepare& prepare, const Event& event) {
  std::vector<RoundTrip> trips;
  trips.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto prepared = prepare(i);
    const HostTsc begin = stamp();
    event(prepared);
    trips.push_back({begin, stamp()});
  }
  return trips;
}

// Null dereferences, and every fourth time a page that the kernel maps on demand. As the guest's.
Result<std::vector<RoundTrip>> time_page_faults(std::uint32_t count) {
  TRAPLINE_ASSIGN(page, Mapping::anonymous(kPageBytes, "a page to fault on"));
  const FaultsSteppedOver stepped_over;
  instruction_bytes = 3;
  bool dropped = true;
  auto trips = time_events(
      count,
      [&](std::uint32_t i) -> const void* {
        if (i % 4 != 3) return nullptr;
        dropped = dropped && ::madvise(page.data(), kPageBytes, MADV_DONTNEED) == 0;
        return page.data();
      },
      [](const void* address) { load(address); });
  if (!dropped) return fail(system_error("give back", "a page", errno));
  return trips;
}

}  // namespace

std::optional<std::string> cannot_run(guest_workload workload) {
  switch (workload) {
    case GUEST_WORKLOAD_SYSCALL:
    case GUEST_WORKLOAD_PAGE_FAULT:
    case GUEST_WORKLOAD_DIVIDE:
    case GUEST_WORKLOAD_CPUID:
      return std::nullopt;
    case GUEST_WORKLOAD_INT80:
      if (int80_is_off()) return "int 0x80 is switched off on this host (ia32_emulation=0)";
      return std::nullopt;
    case GUEST_WORKLOAD_TIMER:
    case GUEST_WORKLOAD_DEVICE:
    case GUEST_WORKLOAD_DEVICE_MSI:
    case GUEST_WORKLOAD_DEVICE_IRQFD:
      return "only its round trip could be told, and that is nearly all waiting";
    case GUEST_WORKLOAD_IPI:
      return "a process of the host sends no IPIs of its own";
    case GUEST_WORKLOAD_HYPERCALL:
      return "there is no hypervisor below it to call";
    case GUEST_WORKLOAD_PIO:
    case GUEST_WORKLOAD_MMIO:
      return "it would have to be a device's: there is none that is safe to write to";
    case GUEST_WORKLOAD_HLT:
      return "HLT is privileged: a process of the host cannot";
    default:
      return "a workload of the nano-kernel only";
  }
}

Result<std::vector<RoundTrip>> run(guest_workload workload, std::uint32_t count) {
  if (const auto reason = cannot_run(workload)) return fail("the host cannot run this workload: " + *reason);
  const auto nothing = [](std::uint32_t i) { return i; };
  switch (workload) {
    case GUEST_WORKLOAD_INT80:
      return time_events(count, nothing, [](std::uint32_t) { call_by_int80(); });
    case GUEST_WORKLOAD_SYSCALL:
      return time_events(count, nothing, [](std::uint32_t) { call_by_syscall(); });
    case GUEST_WORKLOAD_CPUID:
      return time_events(count, nothing, [](std::uint32_t) { ask_cpuid(); });
    case GUEST_WORKLOAD_DIVIDE: {
      const FaultsSteppedOver stepped_over;
      instruction_bytes = 2;
      return time_events(count, nothing, [](std::uint32_t) { divide_by_zero(); });
    }
    case GUEST_WORKLOAD_PAGE_FAULT:
      return time_page_faults(count);
    default:
      return fail("the host cannot run this workload");
  }
}

}  // namespace trapline::native
