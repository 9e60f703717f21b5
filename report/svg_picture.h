#pragma once

#include <string>
#include <string_view>

namespace eigenbit::internal {

/// Text as the content or a quoted attribute of HTML, SVG or XML. Control characters, which XML forbids, become spaces.
std::string escape_markup(std::string_view text);

struct PlotPosition {
    double x = 0.0;
    double y = 0.0;
};

/// A colour by its role: `series(k)`, or one of the names below. picture_style() gives them their values, which differ
/// on light and dark backgrounds.
using PlotColor = std::string_view;
constexpr PlotColor kInk = "ink";          ///< text and outlines
constexpr PlotColor kSoft = "soft";        ///< secondary text
constexpr PlotColor kFaint = "faint";      ///< grid lines
constexpr PlotColor kSurface = "surface";  ///< the background
constexpr PlotColor kHeat = "heat";        ///< the dense end of a heat map
constexpr std::size_t kSeriesColors = 6;
PlotColor series_color(std::size_t series);

struct TextStyle {
    PlotColor color = kInk;
    std::string_view anchor = "start";  ///< or "middle", "end"
    double size = 12.0;
    double rotation = 0.0;  ///< in degrees, around the anchor
    bool bold = false;
    std::string_view tooltip = "";
};

struct StrokeStyle {
    double width = 1.0;
    bool dashed = false;
};

/// A finished picture: an <svg> element for HTML pages that contain picture_style(), and the size it was drawn for.
struct Svg {
    std::string element;
    double width = 0.0;
    double height = 0.0;

    bool empty() const { return element.empty(); }
};

/// An SVG picture that is drawn element by element. All text is escaped here.
class SvgPicture {
  public:
    /// The title is drawn at the top left as well; the description is for those who cannot see the picture.
    SvgPicture(std::string_view title, std::string_view description);

    void line(PlotPosition from, PlotPosition to, PlotColor color, const StrokeStyle& stroke = {});
    void rectangle(PlotPosition corner, double width, double height, PlotColor color, double opacity = 1.0,
                   std::string_view tooltip = "");
    void outline(PlotPosition corner, double width, double height, PlotColor color, std::string_view tooltip = "");
    /// `path` in SVG's path language.
    void stroke_path(std::string_view path, PlotColor color, const StrokeStyle& stroke = {});
    void fill_path(std::string_view path, PlotColor color, std::string_view tooltip = "");
    void text(PlotPosition position, std::string_view text, const TextStyle& style = {});

    /// What is drawn until end_clip() is cut off outside of this rectangle.
    void begin_clip(PlotPosition corner, double width, double height);
    void end_clip();

    Svg finish(double width, double height) &&;

  private:
    std::string body_;
};

/// About how wide a text will be, in units of the picture.
double text_width(std::string_view text, double size = 12.0);

/// The style sheet of all pictures.
std::string_view picture_style();

/// A picture as the content of an .svg file of its own.
std::string stand_alone(const Svg& svg);

}  // namespace eigenbit::internal
