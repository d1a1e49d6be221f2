"""How the stage reaches browsers: the pages, who may ask, and what is answered."""
