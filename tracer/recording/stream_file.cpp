#include "tracer/recording/stream_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

#include "tracer/recording/metadata.h"
#include "tracer/recording/packet.h"

namespace trapline::recording {
namespace {

// Metadata is a few KiB; whatever is larger than this is not ours.
constexpr std::size_t kMetadataLimit = std::size_t{1} << 20;

std::string remedy_of(int error_number) {
  return error_number == ENOSPC || error_number == EDQUOT ? "free some space, or record to another disk" : "";
}

}  // namespace

Status write_parts(int fd, std::span<iovec> parts, std::uint64_t offset, std::string_view name) {
  while (!parts.empty()) {
    const ssize_t result =
        ::pwritev(fd, parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(offset));
    if (result < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("write", name, errno, remedy_of(errno)));
    }
    auto written = static_cast<std::size_t>(result);
    offset += written;
    while (!parts.empty() && written >= parts.front().iov_len) {
      written -= parts.front().iov_len;
      parts = parts.subspan(1);
    }
    if (!parts.empty()) {
      parts.front().iov_base = static_cast<std::byte*>(parts.front().iov_base) + written;
      parts.front().iov_len -= written;
    }
  }
  return {};
}

Result<Mapping> map_file(int folder_fd, const std::string& file, std::string_view folder) {
  const std::string name = fmt::format("{}/{}", folder, file);
  // O_NONBLOCK: a FIFO of this name must not hang us before it is refused.
  const Fd fd(::openat(folder_fd, file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    return fail(errno == ELOOP ? Error{fmt::format("{} is a symbolic link, and not read", name), ""}
                               : system_error("open", name, errno));
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("look at", name, errno));
  if (!S_ISREG(status.st_mode)) return fail(fmt::format("{} is not a regular file", name));
  if (status.st_size == 0) return Mapping{};
  return Mapping::of_file(fd.get(), static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, name);
}

bool folder_holds_recording(int folder_fd) {
  const auto file = map_file(folder_fd, std::string(kMetadataFile), "");
  if (!file || file->size() > kMetadataLimit) return false;
  return is_our_metadata({reinterpret_cast<const char*>(file->data()), file->size()});
}

}  // namespace trapline::recording
