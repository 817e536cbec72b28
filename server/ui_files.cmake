# Writes the files of server/ui, packed, as C++:
#   cmake -DFOLDER=server/ui -DFILES=a.js;b.css -DOUT=ui_files.cc -P ui_files.cmake
set(arrays "")
set(table "")
set(number 0)
foreach(file IN LISTS FILES)
  execute_process(COMMAND gzip -9nc ${FOLDER}/${file} OUTPUT_FILE ${OUT}.gz COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${OUT}.gz packed HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," packed "${packed}")
  file(SHA256 ${FOLDER}/${file} hash)
  file(SIZE ${FOLDER}/${file} size)
  string(APPEND arrays "constexpr unsigned char kFile${number}[] = {${packed}};\n")
  string(APPEND table
    "    {\"${file}\", \"${hash}\", kFile${number}, sizeof(kFile${number}), ${size}},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(REMOVE ${OUT}.gz)
file(WRITE ${OUT}.new "// Generated from server/ui.
#include \"server/page/ui_files.h\"

namespace eldr {
namespace {

${arrays}
constexpr UiFile kFiles[] = {
${table}};

}  // namespace

absl::Span<const UiFile> UiFiles() { return kFiles; }

}  // namespace eldr
")
file(RENAME ${OUT}.new ${OUT})
