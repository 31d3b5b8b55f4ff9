document.title = "Trapline";
