#include "tracer/recording/create.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "tracer/recording/metadata.h"
#include "tracer/recording/packet.h"
#include "tracer/recording/schema.h"
#include "tracer/recording/stream_file.h"

namespace trapline::recording {
namespace {

// The metadata takes its name last, in one step: a folder with `metadata` in it is a whole recording. One
// left over from a creation that was killed is ours to remove.
constexpr const char* kNewMetadata = ".metadata.new";

Result<std::vector<std::string>> names_in(int folder_fd, const std::string& folder) {
  const int copy = ::openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return fail(system_error("list folder", folder, errno));
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (!entries) return fail(system_error("list folder", folder, errno));
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    std::string name = static_cast<const char*>(entry->d_name);
    if (name != "." && name != ".." && name != kNewMetadata) names.push_back(std::move(name));
  }
  if (errno != 0) return fail(system_error("list folder", folder, errno));
  return names;
}

// What of an existing folder has to be removed to make room; an error if it is not ours to take.
Result<std::vector<std::string>> names_to_replace(int folder_fd, const std::string& folder,
                                                  IfExists if_exists) {
  TRAPLINE_ASSIGN(names, names_in(folder_fd, folder));
  if (names.empty()) return std::vector<std::string>{};
  if (!folder_holds_recording(folder_fd)) {
    return fail(fmt::format("{} exists and is not a recording", folder), "give another folder with -o");
  }
  if (if_exists == IfExists::refuse) {
    return fail(fmt::format("{} already holds a recording", folder),
                "give another folder with -o, or remove it");
  }
  std::erase_if(names, [](const std::string& name) { return !stream_of_file_name(name); });
  return std::move(names);
}

Status write_new_metadata(int folder_fd, std::string_view metadata, const std::string& folder) {
  ::unlinkat(folder_fd, kNewMetadata, 0);
  const std::string name = fmt::format("{}/{}", folder, kMetadataFile);
  TRAPLINE_ASSIGN(file, create_private_file(folder_fd, kNewMetadata));
  return write_all(file.get(), std::as_bytes(std::span(metadata)), name);
}

// Old streams go before the new metadata takes the old one's place: whenever this is interrupted, what is
// left still says that it is a recording, and can be replaced again.
Status put_in_place(int folder_fd, const std::vector<std::string>& old_names, const std::string& folder) {
  for (const std::string& name : old_names) {
    if (::unlinkat(folder_fd, name.c_str(), 0) != 0 && errno != ENOENT) {
      return fail(system_error("remove", fmt::format("{}/{}", folder, name), errno));
    }
  }
  if (::renameat(folder_fd, kNewMetadata, folder_fd, std::string(kMetadataFile).c_str()) != 0) {
    return fail(system_error("create", fmt::format("{}/{}", folder, kMetadataFile), errno));
  }
  return {};
}

Status fill_folder(int folder_fd, bool is_new, std::string_view metadata, IfExists if_exists,
                   const std::string& folder) {
  std::vector<std::string> old_names;
  if (!is_new) {
    TRAPLINE_ASSIGN(names, names_to_replace(folder_fd, folder, if_exists));
    old_names = std::move(names);
  }
  Status status = write_new_metadata(folder_fd, metadata, folder);
  if (status) status = put_in_place(folder_fd, old_names, folder);
  if (!status) ::unlinkat(folder_fd, kNewMetadata, 0);
  return status;
}

// Opens what mkdir(2) made or found. A new one must be ours: in a folder that others can write to, it could
// have been exchanged meanwhile.
Result<Fd> open_made_folder(const std::filesystem::path& folder, bool is_new) {
  TRAPLINE_ASSIGN(fd, open_folder(folder));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("look at folder", folder.string(), errno));
  if (is_new && status.st_uid != ::geteuid()) {
    return fail(fmt::format("{} was exchanged by another user while it was made", folder.string()),
                "record into a folder that only you can write to");
  }
  return std::move(fd);
}

}  // namespace

std::filesystem::path without_final_slashes(const std::filesystem::path& path) {
  std::string text = path.string();
  while (text.size() > 1 && text.back() == '/')
    text.pop_back();
  return text;
}

Result<Fd> create_folder(const std::filesystem::path& folder, std::string_view metadata, IfExists if_exists) {
  const std::string name = folder.string();
  if (folder.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(folder.parent_path(), error);
    if (error) return fail(system_error("create folder", folder.parent_path().string(), error.value()));
  }
  const bool is_new = ::mkdir(folder.c_str(), 0700) == 0;
  if (!is_new && errno != EEXIST) return fail(system_error("create folder", name, errno));

  Result<Fd> fd = open_made_folder(folder, is_new);
  if (!fd) return fd;
  if (Status status = fill_folder(fd->get(), is_new, metadata, if_exists, name); !status) {
    if (is_new) ::rmdir(folder.c_str());
    return fail(std::move(status).error());
  }
  return fd;
}

Status check_folder(const std::filesystem::path& folder, IfExists if_exists) {
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0 && errno == ENOENT) return {};
  if (S_ISLNK(status.st_mode)) {
    return fail(fmt::format("{} is a symbolic link, and a recording follows none", folder.string()),
                "give the folder itself with -o");
  }
  TRAPLINE_ASSIGN(fd, open_folder(folder));
  TRAPLINE_TRY(names_to_replace(fd.get(), folder.string(), if_exists));
  return {};
}

}  // namespace trapline::recording
