// The host's own Linux under the same events, without any VM: what its handlers and gates cost a process of
// the host. Only the round trip can be told: the handler is Linux's, and has no stamps of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "vmm/guest/abi.h"

namespace trapline::native {

// Why a process of this host cannot have this event, in words; nothing when it can. Tries int 0x80, which the
// kernel may have switched off.
[[nodiscard]] std::optional<std::string> cannot_run(guest_workload workload);

struct RoundTrip {
  HostTsc begin;  // where the guest's U0 is
  HostTsc end;    // where its U3 is
};

// `count` events, one after the other, on the calling thread. Null dereferences and divisions end in a signal
// handler that steps over the instruction, as the nano-kernel's handlers do. The process's handlers for
// SIGSEGV and SIGFPE are replaced meanwhile.
[[nodiscard]] Result<std::vector<RoundTrip>> run(guest_workload workload, std::uint32_t count);

}  // namespace trapline::native
