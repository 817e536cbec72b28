#include "client/ctl/npy_rows.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "client/ctl/counts_file.h"
#include "client/engines/npy.h"

namespace eldr::ctl {
namespace {

// Real headers are of some hundred bytes.
constexpr uint64_t kMaxHeaderBytes = 64 << 10;

// `size` bytes from `offset` on; fewer if the file ends before.
std::string ReadBytes(std::ifstream& file, uint64_t offset, uint64_t size) {
  std::string bytes(size, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  return bytes;
}

absl::StatusOr<engines::RoutedExperts> ReadRows(std::ifstream& file, uint64_t file_size,
                                                const RowRange& rows,
                                                const engines::Geometry& geometry) {
  const std::string start = ReadBytes(file, 0, std::min(file_size, kMaxHeaderBytes));
  const absl::StatusOr<engines::NpyHeader> header = engines::ParseNpyHeader(start);
  if (!header.ok()) return header.status();
  const absl::StatusOr<engines::NpyLayout> layout = engines::LayoutOf(*header);
  if (!layout.ok()) return layout.status();
  engines::IdShape shape = layout->shape;
  absl::Status fits = engines::CheckDataSize(shape, layout->type, file_size - header->data_offset);
  if (!fits.ok()) return fits;
  const absl::StatusOr<uint64_t> end = engines::EndOf(rows, shape.tokens);
  if (!end.ok()) return end.status();
  const uint64_t row_bytes = shape.hidden_layers * shape.top_k * engines::IdWidth(layout->type);
  shape.tokens = *end - rows.begin;
  return engines::UnpackIds(
      ReadBytes(file, header->data_offset + rows.begin * row_bytes, shape.tokens * row_bytes),
      layout->type, shape, geometry);
}

}  // namespace

absl::StatusOr<engines::RoutedExperts> ReadNpyRows(const std::string& path, const RowRange& rows,
                                                   const engines::Geometry& geometry) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (!file || size < 0) {
    return FileError(path, "open");
  }
  absl::StatusOr<engines::RoutedExperts> routed =
      ReadRows(file, static_cast<uint64_t>(size), rows, geometry);
  if (routed.ok()) return routed;
  return absl::Status(routed.status().code(),
                      absl::StrCat("file \"", path, "\": ", routed.status().message()));
}

}  // namespace eldr::ctl
