use super::load;
