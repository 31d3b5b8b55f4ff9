// Errors that must be looked at: every call that can fail returns Result<T>.
//
//   auto fd = open_kvm();
//   if (!fd) return tl::unexpected(fd.error());
//   use(*fd);
//
// An Error says what was tried, on what and why it failed, and what its reader can do about it.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace trapline {

// The program's exit statuses; scripts rely on them.
enum class ExitStatus : int {
  done = 0,
  failed = 1,
  wrong_usage = 2,
  machine_lacks = 3,  // no /dev/kvm, no BTF, no right to load BPF, ...: named, with the remedy
};

struct Error {
  std::string what;    // "cannot open /dev/kvm: No such file or directory"
  std::string remedy;  // "load kvm_amd or kvm_intel, ..."; empty where there is none
  ExitStatus status = ExitStatus::failed;

  // The two sentences as a user reads them, on one or two lines, without a final newline.
  [[nodiscard]] std::string text() const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// "cannot <action> <object>: <strerror(error_number)>".
[[nodiscard]] Error system_error(std::string_view action, std::string_view object, int error_number,
                                 std::string remedy = {});

[[nodiscard]] inline tl::unexpected<Error> fail(std::string what, std::string remedy = {},
                                                ExitStatus status = ExitStatus::failed) {
  return tl::unexpected(Error{std::move(what), std::move(remedy), status});
}
[[nodiscard]] inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected(std::move(error));
}

}  // namespace trapline

// Leaves the calling function with the error of a Result or Status that holds one.
#define TRAPLINE_TRY(expression)                                         \
  do {                                                                   \
    if (auto trapline_try_result = (expression); !trapline_try_result) { \
      return ::tl::unexpected(std::move(trapline_try_result).error());   \
    }                                                                    \
  } while (false)

// Declares `variable` with the value of a Result, or leaves the calling function with its error.
// NOLINTBEGIN(bugprone-macro-parentheses): `variable` is a name, in parentheses it would declare nothing.
#define TRAPLINE_ASSIGN(variable, expression)                                            \
  auto variable##_result = (expression);                                                 \
  if (!variable##_result) return ::tl::unexpected(std::move(variable##_result).error()); \
  auto& variable = *variable##_result
// NOLINTEND(bugprone-macro-parentheses)
