// The signal that makes KVM_RUN return on another thread. Its handler does nothing: that the call is
// interrupted is all.
#pragma once

#include <pthread.h>

#include "base/result.h"

namespace trapline::vmm::kick_signal {

// Installs the handler in this process, once, without SA_RESTART.
[[nodiscard]] Status install();

// While it lives, this thread and those that it starts do not receive the signal.
class Blocked {
 public:
  Blocked();
  ~Blocked();
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;

 private:
  sigset_t previous_;
};

// The calling thread receives it.
void unblock();

void send(pthread_t thread);

}  // namespace trapline::vmm::kick_signal
