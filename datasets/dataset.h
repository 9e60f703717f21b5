#pragma once

#include "engine/formats/image.h"
#include "engine/graph/preprocessing.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace eigenbit::internal {

enum class DataSplit { train, test };

/// One example as its source gives it: resized and in the network's number of channels, not yet cropped or normalised.
struct Example {
    Image image;
    Image target;           ///< what is to be restored; empty where that is the image itself
    std::string_view file;  ///< where it came from, for messages
};

/// How training may vary an example without changing what it shows.
struct Augmentation {
    int padding = 0;          ///< black pixels on each side that a random crop may reach into
    bool mirror = false;      ///< left and right may change places
    bool turn = false;        ///< top and bottom, rows and columns may, too: eight orientations
    int crop = 0;             ///< side of the square random crop, 0 = the preprocessing's crop
    int crops_per_image = 1;  ///< examples an epoch takes from one image
};

/// The task of giving back an image, where there is one instead of a label.
struct Restoration {
    int scale = 1;                 ///< sides of the target image in sides of the input image
    float noise = 0.0F;            ///< standard deviation of Gaussian noise added to the input, in units of 0 … 1
    std::uint64_t noise_seed = 0;  ///< of the noise, which changes from epoch to epoch under augmentation alone
};

/// Images with labels or without, or images to restore, by index; copies share what is kept in memory.
struct Dataset {
    std::string name;  ///< as the user called it
    std::int64_t size = 0;
    Preprocessing preprocessing;  ///< height and width are 0 where the images differ in size

    std::vector<int> labels;  ///< one for each example, 0 … class_count-1; none for restoration, or unknown
    int class_count = 0;
    std::vector<std::string> classes;  ///< names, none where unknown

    std::optional<Restoration> restoration;
    Augmentation augmentation;

    /// Reads example 0 … size-1 into buffers that may be used again; callable from several threads. Throws Error naming
    /// the file.
    std::function<void(std::int64_t index, Example& example)> read;
};

}  // namespace eigenbit::internal
