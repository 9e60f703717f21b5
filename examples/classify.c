/* Names what an image shows: classify MODEL.ebit IMAGE.ppm
 *
 * Build: cc -std=c99 classify.c $(pkg-config --cflags --libs eigenbit) -o classify
 * Images are binary PPM (colour) or PGM (grey) files of 8 bits a value. */
#include <eigenbit/eigenbit.h>
#include <stdio.h>
#include <stdlib.h>

enum { BEST = 5 };

typedef struct Image {
    int height, width, channels;
    uint8_t* pixels;
} Image;

/* Returns an image without pixels when the file is not one. */
static Image read_image(const char* path) {
    Image image = {0, 0, 0, NULL};
    char kind = 0;
    int largest = 0;
    FILE* file = fopen(path, "rb");
    if (file == NULL) return image;
    if (fscanf(file, "P%c %d %d %d", &kind, &image.width, &image.height, &largest) == 4 && fgetc(file) != EOF
        && (kind == '5' || kind == '6') && largest == 255 && image.width > 0 && image.width <= 1 << 14
        && image.height > 0 && image.height <= 1 << 14) {
        image.channels = kind == '6' ? 3 : 1;
        size_t size = (size_t)image.width * (size_t)image.height * (size_t)image.channels;
        image.pixels = malloc(size);
        if (image.pixels != NULL && fread(image.pixels, 1, size, file) != size) {
            free(image.pixels);
            image.pixels = NULL;
        }
    }
    fclose(file);
    return image;
}

typedef struct Score {
    float value;
    size_t class;
} Score;

static int compare(const void* a, const void* b) {
    const Score* left = a;
    const Score* right = b;
    return (left->value < right->value) - (left->value > right->value);
}

static int print_best(const eigenbit_model* model, const float* values, size_t classes) {
    Score* scores = malloc(classes * sizeof *scores);
    if (scores == NULL) return 0;
    for (size_t i = 0; i < classes; ++i) scores[i] = (Score){values[i], i};
    qsort(scores, classes, sizeof *scores, compare);
    for (size_t i = 0; i < classes && i < BEST; ++i) {
        const char* name = eigenbit_model_class_name(model, scores[i].class);
        printf("%8.3f  class %zu  %s\n", (double)scores[i].value, scores[i].class, name == NULL ? "" : name);
    }
    free(scores);
    return 1;
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: classify MODEL.ebit IMAGE.ppm\n");
        return 2;
    }
    int exit_code = 1;
    eigenbit_shape scores = {0, {0}};
    const Image image = read_image(argv[2]);
    eigenbit_model* model = eigenbit_model_open(argv[1], NULL);
    eigenbit_session* session = model == NULL ? NULL : eigenbit_session_create(model, NULL);
    if (session == NULL) {
        fprintf(stderr, "classify: %s\n", eigenbit_last_error());
    } else if (image.pixels == NULL) {
        fprintf(stderr, "classify: %s is no binary PPM or PGM file of 8 bits\n", argv[2]);
    } else if (eigenbit_session_set_image(session, 0, image.pixels, image.height, image.width, image.channels)
               || eigenbit_session_run(session) || eigenbit_session_output_shape(session, 0, &scores)) {
        fprintf(stderr, "classify: %s\n", eigenbit_last_error());
    } else if (!print_best(model, eigenbit_session_output(session, 0), (size_t)scores.extents[scores.rank - 1])) {
        fprintf(stderr, "classify: there is not enough memory\n");
    } else {
        exit_code = 0;
    }
    eigenbit_session_close(session);
    eigenbit_model_close(model);
    free(image.pixels);
    return exit_code;
}
