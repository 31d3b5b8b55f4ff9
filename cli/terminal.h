// The terminal as `trapline top` has it: a screen of its own, and single keys.
#pragma once

#include <signal.h>
#include <termios.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "viewer/tables/top_screen.h"

namespace trapline::cli {

// Whether standard input and output are a terminal that can do this.
[[nodiscard]] bool have_terminal();

// From take() to the object's end; also where a signal kills the process, the terminal is given back as it
// was. One at a time.
class Terminal {
 public:
  static Result<Terminal> take();
  Terminal(Terminal&& other) noexcept;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  [[nodiscard]] viewer::ScreenSize size() const;
  // As many lines as the screen has; they are not taken for control sequences' word.
  [[nodiscard]] Status show(std::string_view screen) const;

  // Keys that were pressed. Waits until there is one, the size changes, a stop signal comes, or for so long:
  // then none. The error: the terminal is gone.
  [[nodiscard]] Result<std::string> wait_for_keys(std::chrono::milliseconds at_most) const;

 private:
  explicit Terminal(const sigset_t& outside) : owned_(true), outside_(outside) {}

  bool owned_;
  sigset_t outside_;  // signals that are blocked but while it waits
};

}  // namespace trapline::cli
