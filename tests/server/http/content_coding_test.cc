#include "server/http/content_coding.h"

#include <zlib.h>

#include <string>

#include "gmock/gmock.h"

namespace eldr {
namespace {

TEST(QualityOfTest, ReadsListsAsClientsSendThem) {
  EXPECT_EQ(QualityOf("gzip", "gzip"), 1);
  EXPECT_EQ(QualityOf("deflate, GZIP ;q=0.5,br", "gzip"), 0.5);
  EXPECT_EQ(QualityOf("gzip;q=0", "gzip"), 0);
  EXPECT_EQ(QualityOf("gzip;q=0.000, gzip;q=0.25", "gzip"), 0.25);
  for (const char* const none : {"", ",", ";", "identity", "xgzip", "gzipx", "*", "gzip;q=2",
                                 "gzip;q=-1", "gzip;q=nan", "gzip;q=", "gzip;q=1x"}) {
    EXPECT_EQ(QualityOf(none, "gzip"), 0) << none;
  }
}

TEST(QualityOfTest, AVersionThatIsToldMustBeTheOne) {
  constexpr char kName[] = "application/openmetrics-text";
  EXPECT_EQ(QualityOf("application/openmetrics-text; version=1.0.0; charset=utf-8;q=0.8,*/*;q=0.1",
                      kName, "1.0.0"),
            0.8);
  EXPECT_EQ(QualityOf("application/openmetrics-text", kName, "1.0.0"), 1);
  EXPECT_EQ(
      QualityOf("application/openmetrics-text;version=0.0.1;q=0.75,text/plain", kName, "1.0.0"), 0);
}

TEST(GzipTest, UnpacksToTheSame) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1} << 20}) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i) text += std::to_string(i * i);
    const std::string packed = Gzip(text);
    ASSERT_FALSE(packed.empty());
    if (size > 1) {
      EXPECT_LT(packed.size(), text.size() / 2);
    }
    std::string unpacked(text.size() + 1, '\0');
    z_stream stream{};
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    ASSERT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    unpacked.resize(stream.total_out);
    inflateEnd(&stream);
    EXPECT_EQ(unpacked, text);
  }
}

}  // namespace
}  // namespace eldr
