#include "vmm/machine/kick_signal.h"

#include <csignal>

#include <cerrno>

namespace trapline::vmm::kick_signal {

namespace {

// A real-time signal, so that it means nothing to anyone else; the first one that the C library leaves free.
int number() {
  return SIGRTMIN;
}

sigset_t only_it() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, number());
  return set;
}

void handler(int /*signal*/) {}

int install_handler() {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(number(), &action, nullptr) == 0 ? 0 : errno;
}

}  // namespace

Status install() {
  static const int error_number = install_handler();
  if (error_number != 0) return fail(system_error("install a handler for", "SIGRTMIN", error_number));
  return {};
}

Blocked::Blocked() {
  const sigset_t set = only_it();
  ::pthread_sigmask(SIG_BLOCK, &set, &previous_);
}

Blocked::~Blocked() {
  ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

void unblock() {
  const sigset_t set = only_it();
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void send(pthread_t thread) {
  ::pthread_kill(thread, number());
}

}  // namespace trapline::vmm::kick_signal
