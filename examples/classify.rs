//! Names what an image shows, by the C interface: classify MODEL.ebit IMAGE.ppm
//!
//! Build: rustc classify.rs $(pkg-config --libs eigenbit) -o classify
//! Images are binary PPM (colour) or PGM (grey) files of 8 bits a value.

use std::ffi::{c_char, c_void, CStr, CString};

const MAX_RANK: usize = 6;

#[repr(C)]
struct Shape {
    rank: i32,
    extents: [i64; MAX_RANK],
}

// Declared as in eigenbit.h; models and sessions are pointers, options NULL.
extern "C" {
    fn eigenbit_last_error() -> *const c_char;
    fn eigenbit_model_open(path: *const c_char, options: *const c_void) -> *mut c_void;
    fn eigenbit_model_close(model: *mut c_void);
    fn eigenbit_model_class_name(model: *const c_void, index: usize) -> *const c_char;
    fn eigenbit_session_create(model: *const c_void, options: *const c_void) -> *mut c_void;
    fn eigenbit_session_close(session: *mut c_void);
    fn eigenbit_session_set_image(
        session: *mut c_void,
        image: i64,
        pixels: *const u8,
        height: i32,
        width: i32,
        channels: i32,
    ) -> i32;
    fn eigenbit_session_run(session: *mut c_void) -> i32;
    fn eigenbit_session_output(session: *const c_void, output: usize) -> *const f32;
    fn eigenbit_session_output_shape(session: *const c_void, output: usize, shape: *mut Shape) -> i32;
}

fn last_error() -> String {
    unsafe { CStr::from_ptr(eigenbit_last_error()) }.to_string_lossy().into_owned()
}

struct Model(*mut c_void);

impl Model {
    fn open(path: &str) -> Result<Model, String> {
        let path = CString::new(path).map_err(|error| error.to_string())?;
        let model = unsafe { eigenbit_model_open(path.as_ptr(), std::ptr::null()) };
        if model.is_null() { Err(last_error()) } else { Ok(Model(model)) }
    }

    /// Empty when the file has none.
    fn class_name(&self, index: usize) -> String {
        let name = unsafe { eigenbit_model_class_name(self.0, index) };
        if name.is_null() { String::new() } else { unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned() }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        unsafe { eigenbit_model_close(self.0) }
    }
}

struct Session(*mut c_void);

impl Session {
    fn new(model: &Model) -> Result<Session, String> {
        let session = unsafe { eigenbit_session_create(model.0, std::ptr::null()) };
        if session.is_null() { Err(last_error()) } else { Ok(Session(session)) }
    }

    fn scores(&mut self, image: &Image) -> Result<Vec<f32>, String> {
        let mut shape = Shape { rank: 0, extents: [0; MAX_RANK] };
        let (height, width, channels) = (image.height as i32, image.width as i32, image.channels as i32);
        let failed = unsafe {
            eigenbit_session_set_image(self.0, 0, image.pixels.as_ptr(), height, width, channels) != 0
                || eigenbit_session_run(self.0) != 0
                || eigenbit_session_output_shape(self.0, 0, &mut shape) != 0
        };
        if failed {
            return Err(last_error());
        }
        let count = shape.extents[..shape.rank as usize].iter().product::<i64>() as usize;
        Ok(unsafe { std::slice::from_raw_parts(eigenbit_session_output(self.0, 0), count) }.to_vec())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        unsafe { eigenbit_session_close(self.0) }
    }
}

struct Image {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Vec<u8>,
}

fn read_image(path: &str) -> Result<Image, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let refusal = || format!("{path} is no binary PPM or PGM file of 8 bits");
    let mut words = Vec::new();
    let mut rest = &bytes[..];
    while words.len() < 4 {
        let end = rest.iter().position(|byte| byte.is_ascii_whitespace()).ok_or_else(refusal)?;
        words.push(std::str::from_utf8(&rest[..end]).map_err(|_| refusal())?);
        rest = &rest[end + 1..];
    }
    let channels = match words[0] { "P6" => 3, "P5" => 1, _ => return Err(refusal()) };
    let width: usize = words[1].parse().map_err(|_| refusal())?;
    let height: usize = words[2].parse().map_err(|_| refusal())?;
    let size = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(channels)).ok_or_else(refusal)?;
    if words[3] != "255" || size == 0 || width > 1 << 14 || height > 1 << 14 || rest.len() < size {
        return Err(refusal());
    }
    Ok(Image { height, width, channels, pixels: rest[..size].to_vec() })
}

fn classify(model: &str, image: &str) -> Result<(), String> {
    let model = Model::open(model)?;
    let scores = Session::new(&model)?.scores(&read_image(image)?)?;
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    classes.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    for &class in classes.iter().take(5) {
        println!("{:8.3}  class {}  {}", scores[class], class, model.class_name(class));
    }
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() != 3 {
        eprintln!("usage: classify MODEL.ebit IMAGE.ppm");
        std::process::exit(2);
    }
    if let Err(error) = classify(&arguments[1], &arguments[2]) {
        eprintln!("classify: {error}");
        std::process::exit(1);
    }
}
