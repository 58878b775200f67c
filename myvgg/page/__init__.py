"""A page in the browser: style transfer without a terminal. It needs the extra `app`, which is Gradio."""
