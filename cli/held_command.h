// A command that is started but does not begin before it is told to.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace trapline::cli {

// It keeps the rights and the streams of this process as they are at hold(). One that was never let go does
// not begin at all. Of one that was let go, the owner waits for the end or leaves it running.
class HeldCommand {
 public:
  static Result<HeldCommand> hold(const std::vector<std::string>& words);
  HeldCommand(HeldCommand&&) noexcept = default;
  HeldCommand& operator=(HeldCommand&&) = delete;
  ~HeldCommand() = default;

  [[nodiscard]] pid_t pid() const { return pid_; }

  // Lets it begin. The error says why it could not be executed.
  [[nodiscard]] Status let_go();

  // Its exit status once it has ended, 128 + N if by signal N, as shells say it; does not wait.
  [[nodiscard]] std::optional<int> ended();
  // The same, waits; goes on waiting when a signal interrupts it.
  [[nodiscard]] int wait();
  void send(int signal) const;

 private:
  HeldCommand(pid_t pid, std::string name, Fd gate, Fd complaints)
      : pid_(pid), name_(std::move(name)), gate_(std::move(gate)), complaints_(std::move(complaints)) {}

  pid_t pid_;
  std::string name_;
  Fd gate_;        // a byte into it lets the command go; its closing without one ends it
  Fd complaints_;  // errno of execvp, or nothing
  std::optional<int> status_;
};

}  // namespace trapline::cli
