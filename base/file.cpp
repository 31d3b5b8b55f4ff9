#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace trapline {

Result<Fd> open_folder(const std::filesystem::path& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return fail(system_error("open folder", folder.string(), errno));
  return fd;
}

Result<Fd> create_private_file(int folder_fd, const std::string& name) {
  Fd fd(::openat(folder_fd, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(system_error("create", name, errno));
  return fd;
}

Status write_all(int fd, std::span<const std::byte> bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("write", name, errno));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::string> read_text_file(const std::filesystem::path& path, std::size_t limit) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(system_error("open", path.string(), errno));
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("read", path.string(), errno));
    }
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > limit) return fail(fmt::format("{} is larger than {} bytes", path.string(), limit));
  }
}

Result<NewFile> NewFile::create(const std::filesystem::path& path) {
  if (!path.has_filename())
    return fail(fmt::format("{} names no file", path.string()), "give the name of a file");
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  TRAPLINE_ASSIGN(folder_fd, open_folder(folder));
  std::string temporary = fmt::format(".{}.{}", path.filename().string(), ::getpid());
  TRAPLINE_ASSIGN(file, create_private_file(folder_fd.get(), temporary));
  return NewFile(std::move(folder_fd), std::move(file), std::move(temporary), path);
}

NewFile::~NewFile() {
  if (file_) ::unlinkat(folder_.get(), temporary_.c_str(), 0);
}

Status NewFile::keep() {
  if (::renameat(folder_.get(), temporary_.c_str(), folder_.get(), path_.filename().c_str()) != 0) {
    return fail(system_error("rename a new file to", path_.string(), errno));
  }
  file_.reset();
  return {};
}

}  // namespace trapline
